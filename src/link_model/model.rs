//! The links of a run: node classes, and one set of parameters for each pair of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::matrix::{Matrix, MatrixError};
use super::params::LinkParams;
use crate::scenario::{Network, Selection, SelectionError};

/// Most classes of nodes. Their pairs form a table of so many squared.
const MAX_CLASSES: usize = 2048;

/// The links of a run.
///
/// Nodes that no rule and no region tells apart form a class, so that what is kept grows with the scenario and not with the
/// pairs of nodes.
#[derive(Debug)]
pub struct LinkModel {
    params: Vec<LinkParams>,
    /// Index into `params`, by class of the sender and class of the receiver.
    table: Vec<u32>,
    classes: usize,
    class_of: Vec<u16>,
    regions: Vec<String>,
    region_of: Vec<u16>,
    segments: Vec<Vec<u32>>,
    min_latency: Duration,
    seed: u64,
}

/// Why a network cannot be built.
#[derive(thiserror::Error, Debug)]
pub enum LinkModelError {
    /// A selection is wrong.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The latency matrix is wrong.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// A region is not in the matrix.
    #[error("the latency matrix `{matrix}` has no region `{region}`; it has {}", known.join(", "))]
    UnknownRegion {
        /// The matrix.
        matrix: String,
        /// What was asked for.
        region: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Regions are given, but some node is in none.
    #[error("node {node} is in no region")]
    NoRegion {
        /// The first such node.
        node: u32,
    },
    /// The rules tell too many kinds of nodes apart.
    #[error("the rules of the network tell more than {MAX_CLASSES} kinds of nodes apart")]
    TooManyClasses,
}

impl LinkModel {
    /// Compiles `network` for `nodes` nodes. The path of a matrix is relative to the working directory.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(network: &Network, nodes: u32, groups: &BTreeMap<String, Selection>, seed: u64) -> Result<Self, LinkModelError> {
        Self::relative_to(Path::new(""), network, nodes, groups, seed)
    }

    /// As [`new`](Self::new), with the path of a matrix relative to `base`, the folder of the scenario.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn relative_to(
        base: &Path,
        network: &Network,
        nodes: u32,
        groups: &BTreeMap<String, Selection>,
        seed: u64,
    ) -> Result<Self, LinkModelError> {
        let resolve = |selection: &Selection| selection.resolve(nodes, groups, seed);
        let (matrix, region_of) = place(base, network, nodes, &resolve)?;

        // Classes: refine one after the other by region, by the senders and by the receivers of each rule.
        let mut class_of = vec![0_u16; nodes as usize];
        let mut kinds: Vec<Kind> = vec![Kind::default()];
        if matrix.is_some() {
            refine(&mut class_of, &mut kinds, |node| Some(region_of[node]), |kind, region| kind.region = region)?;
        }
        for (index, rule) in network.rules.iter().enumerate() {
            for (ends, selection) in [(0, &rule.from), (1, &rule.to)] {
                if *selection == Selection::All {
                    kinds.iter_mut().for_each(|kind| kind.rules[ends].push(index as u16));
                    continue;
                }
                let chosen = resolve(selection)?;
                let is_in = |node: usize| chosen.binary_search(&(node as u32)).is_ok().then_some(0);
                refine(&mut class_of, &mut kinds, is_in, |kind, _| kind.rules[ends].push(index as u16))?;
            }
        }

        let mut params: Vec<LinkParams> = Vec::new();
        let mut interned: BTreeMap<Differences, u32> = BTreeMap::new();
        let mut table = Vec::with_capacity(kinds.len() * kinds.len());
        for from in &kinds {
            for to in &kinds {
                let applies = |index: &u16| {
                    let both_ways = network.rules[usize::from(*index)].both_ways;
                    from.has(0, *index) && to.has(1, *index) || both_ways && from.has(1, *index) && to.has(0, *index)
                };
                let rules: Vec<u16> = (0..network.rules.len() as u16).filter(applies).collect();
                let regions = matrix.is_some().then_some((from.region, to.region));
                let link = *interned.entry((regions, rules)).or_insert_with_key(|(regions, rules)| {
                    let latency = matrix.as_ref().zip(*regions).map(|(matrix, (a, b))| matrix.latency(usize::from(a), usize::from(b)));
                    params.push(LinkParams::compile(&network.link, latency, rules.iter().map(|rule| &network.rules[usize::from(*rule)])));
                    params.len() as u32 - 1
                });
                table.push(link);
            }
        }
        Ok(Self {
            min_latency: params.iter().map(LinkParams::min_latency).min().unwrap_or_default(),
            params,
            table,
            classes: kinds.len(),
            class_of,
            regions: matrix.map(|matrix| matrix.regions().to_vec()).unwrap_or_default(),
            region_of,
            segments: network.segments.iter().map(resolve).collect::<Result<_, _>>()?,
            seed,
        })
    }

    /// The shortest latency that can be drawn on any link. A tick must not be longer.
    pub fn min_latency(&self) -> Duration {
        self.min_latency
    }

    /// How many nodes.
    pub fn nodes(&self) -> u32 {
        self.class_of.len() as u32
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The parameters of frames from one node to another, by number; see [`params`](Self::params).
    pub fn link(&self, from: u32, to: u32) -> u32 {
        let class = |node: u32| self.class_of.get(node as usize).map_or(0, |class| usize::from(*class));
        self.table[class(from) * self.classes + class(to)]
    }

    /// The parameters with this number.
    pub fn params(&self, link: u32) -> &LinkParams {
        &self.params[link as usize]
    }

    /// The region of a node, if the network has regions.
    pub fn region(&self, node: u32) -> Option<&str> {
        let region = *self.region_of.get(node as usize)?;
        self.regions.get(usize::from(region)).map(String::as_str)
    }

    /// Whom a hello of `node` reaches, ascending: the others of its local segments. `heard` is cleared first.
    pub fn hearers(&self, node: u32, heard: &mut Vec<u32>) {
        heard.clear();
        for segment in self.segments.iter().filter(|segment| segment.binary_search(&node).is_ok()) {
            heard.extend(segment.iter().filter(|other| **other != node));
        }
        heard.sort_unstable();
        heard.dedup();
    }
}

/// What tells the links of one pair of classes from those of another: the regions at both ends, and the rules that apply.
type Differences = (Option<(u16, u16)>, Vec<u16>);

/// What tells the nodes of a class from those of another.
#[derive(Clone, Default)]
struct Kind {
    region: u16,
    /// The rules whose senders, and whose receivers, they are; ascending.
    rules: [Vec<u16>; 2],
}

impl Kind {
    fn has(&self, ends: usize, rule: u16) -> bool {
        self.rules[ends].binary_search(&rule).is_ok()
    }
}

/// Splits every class by what `mark` says about its nodes; `apply` marks the kind of those about whom it says something.
fn refine(
    class_of: &mut [u16],
    kinds: &mut Vec<Kind>,
    mark: impl Fn(usize) -> Option<u16>,
    apply: impl Fn(&mut Kind, u16),
) -> Result<(), LinkModelError> {
    let mut split: BTreeMap<(u16, Option<u16>), u16> = BTreeMap::new();
    let mut refined = Vec::new();
    for (node, class) in class_of.iter_mut().enumerate() {
        let key = (*class, mark(node));
        *class = *split.entry(key).or_insert_with(|| {
            let mut kind = kinds[usize::from(key.0)].clone();
            if let Some(value) = key.1 {
                apply(&mut kind, value);
            }
            refined.push(kind);
            refined.len() as u16 - 1
        });
        if refined.len() > MAX_CLASSES {
            return Err(LinkModelError::TooManyClasses);
        }
    }
    *kinds = refined;
    Ok(())
}

/// The matrix, and the region of each node.
fn place(
    base: &Path,
    network: &Network,
    nodes: u32,
    resolve: &impl Fn(&Selection) -> Result<Vec<u32>, SelectionError>,
) -> Result<(Option<Matrix>, Vec<u16>), LinkModelError> {
    let Some(regions) = &network.regions else { return Ok((None, Vec::new())) };
    let matrix = Matrix::load(&regions.matrix, regions.round_trip, base)?;
    if regions.place.is_empty() {
        let count = matrix.regions().len() as u32;
        return Ok((Some(matrix), (0..nodes).map(|node| (node % count) as u16).collect()));
    }
    let mut region_of = vec![None; nodes as usize];
    for (name, selection) in &regions.place {
        let region = matrix.regions().iter().position(|region| region == name).ok_or_else(|| LinkModelError::UnknownRegion {
            matrix: regions.matrix.clone(),
            region: name.clone(),
            known: matrix.regions().to_vec(),
        })?;
        for node in resolve(selection)? {
            region_of[node as usize] = Some(region as u16);
        }
    }
    let region_of = region_of.into_iter().zip(0..).map(|(region, node)| region.ok_or(LinkModelError::NoRegion { node }));
    Ok((Some(matrix), region_of.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Latency, LinkRule, Loss, Regions};

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn build(network: &Network, nodes: u32) -> Result<LinkModel, LinkModelError> {
        LinkModel::new(network, nodes, &BTreeMap::new(), 1)
    }

    #[test]
    fn the_last_rule_wins_field_by_field_and_directions_differ() {
        let rule = |from, to| LinkRule { from, to, ..LinkRule::default() };
        let network = Network {
            rules: vec![
                LinkRule { latency: Some(Latency::Constant(millis(50))), ..rule(Selection::Range(0, 2), Selection::All) },
                LinkRule {
                    loss: Some(Loss::Independent(0.5)),
                    both_ways: true,
                    ..rule(Selection::Nodes(vec![0]), Selection::Nodes(vec![9]))
                },
                LinkRule { latency: Some(Latency::Constant(millis(7))), ..rule(Selection::Nodes(vec![1]), Selection::Nodes(vec![2])) },
            ],
            ..Network::default()
        };
        let model = build(&network, 10).unwrap();
        let params = |from, to| model.params(model.link(from, to));
        assert_eq!(params(3, 4).plain, Some(5_000_000));
        assert_eq!(params(1, 4).plain, Some(50_000_000));
        assert_eq!(params(4, 1).plain, Some(5_000_000));
        assert_eq!(params(1, 2).plain, Some(7_000_000));
        assert_eq!((params(0, 9).min_latency(), &params(0, 9).loss), (millis(50), &Loss::Independent(0.5)));
        assert_eq!((params(9, 0).min_latency(), &params(9, 0).loss), (millis(5), &Loss::Independent(0.5)));
        assert_eq!(model.min_latency(), millis(5));
    }

    #[test]
    fn a_hundred_thousand_nodes_in_regions_need_no_table_of_pairs() {
        let regions = Regions { matrix: "libp2p-8".into(), place: Vec::new(), round_trip: false };
        let model = build(&Network { regions: Some(regions), ..Network::default() }, 100_000).unwrap();
        assert_eq!((model.classes, model.table.len()), (8, 64));
        assert_eq!((model.region(0), model.region(8 + 5)), (Some("australia"), Some("na_west")));
        assert_eq!(model.params(model.link(0, 1)).plain, Some(165_000_000));
        assert_eq!(model.min_latency(), millis(2));
    }

    #[test]
    fn every_node_must_have_a_region_that_exists() {
        let network = |name: &str, selection| {
            let place = vec![(name.to_owned(), selection)];
            Network { regions: Some(Regions { matrix: "aws-11".into(), place, round_trip: true }), ..Network::default() }
        };
        assert!(matches!(build(&network("Tokyo", Selection::Range(0, 3)), 5), Err(LinkModelError::NoRegion { node: 3 })));
        assert!(matches!(build(&network("Tokio", Selection::All), 5), Err(LinkModelError::UnknownRegion { .. })));
        assert_eq!(build(&network("Tokyo", Selection::All), 5).unwrap().region(4), Some("Tokyo"));
    }

    #[test]
    fn a_hello_reaches_the_others_of_the_segment() {
        let segments = vec![Selection::Range(0, 3), Selection::Nodes(vec![1, 2, 5])];
        let model = build(&Network { segments, ..Network::default() }, 8).unwrap();
        let mut heard = vec![9];
        model.hearers(1, &mut heard);
        assert_eq!(heard, [0, 2, 5]);
        model.hearers(7, &mut heard);
        assert!(heard.is_empty());
    }
}
