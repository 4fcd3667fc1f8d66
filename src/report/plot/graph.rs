//! The graph itself at the end, with the tree over which broadcasts spread.

use std::collections::{BTreeMap, VecDeque};

use plotters::style::RGBColor;

use super::super::format::{count, plural};
use super::super::record::{NodeRow, RunRecord};
use super::canvas::{Anchor, Canvas, Drawn, Type};
use super::layout;
use super::page;
use super::style::{AXIS, DOWN, INK, MUTED, PAPER, SERIES, SMALL, TEXT};

/// More nodes than this are not shown: nobody could tell them apart.
const SHOWN: usize = 400;
const FRAME: ((f64, f64), (f64, f64)) = ((130.0, 125.0), (1080.0, 735.0));
const LIST: f64 = 1150.0;

pub(super) fn draw(canvas: &mut Canvas<'_>, record: &RunRecord) -> Drawn<bool> {
    if record.edges.is_empty() || record.nodes.len() < 2 {
        return Ok(false);
    }
    let shown = selection(record);
    let index: BTreeMap<u32, usize> = shown.iter().enumerate().map(|(i, node)| (node.node, i)).collect();
    let edges: Vec<(usize, usize, bool)> =
        record.edges.iter().filter_map(|edge| Some((*index.get(&edge.a)?, *index.get(&edge.b)?, edge.tree))).collect();
    let mut regions: Vec<&str> = record.nodes.iter().map(|node| node.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    let region = |node: &NodeRow| regions.binary_search(&node.region.as_str()).unwrap_or_default();

    let groups: Vec<usize> = shown.iter().map(|node| region(node)).collect();
    let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.0, edge.1)).collect();
    let ((left, top), (right, bottom)) = FRAME;
    let mut at: Vec<(f64, f64)> =
        layout::place(&groups, &pairs).into_iter().map(|(x, y)| (left + x * (right - left), top + y * (bottom - top))).collect();

    let dense = shown.len() > 150;
    let radius = if shown.len() <= 60 {
        13.0
    } else if dense {
        4.5
    } else {
        8.0
    };
    layout::separate(&mut at, radius * 2.6);

    let caption = if shown.len() < record.nodes.len() {
        format!("Shown are the {} nodes nearest to node 0, of {}.", shown.len(), count(record.nodes.len() as u64))
    } else {
        "Nodes that are linked lie close to each other; distances mean nothing else.".to_owned()
    };
    page::page(canvas, record, "The graph at the end of the run, and its tree", &caption)?;
    for tree in [false, true] {
        for (a, b, _) in edges.iter().filter(|edge| edge.2 == tree) {
            let (colour, width) = if tree { (INK, if dense { 1.6 } else { 2.8 }) } else { (AXIS, if dense { 0.7 } else { 1.1 }) };
            canvas.line(&[at[*a], at[*b]], colour, width, if tree { 0.85 } else { 0.8 })?;
        }
    }
    let radius = if shown.len() <= 60 {
        13.0
    } else if dense {
        4.5
    } else {
        8.0
    };
    for (node, place) in shown.iter().zip(&at) {
        let colour = if node.up { colour_of(region(node)) } else { DOWN };
        canvas.dot(*place, radius + 1.5, PAPER, 1.0)?;
        canvas.dot(*place, radius, colour, 1.0)?;
        if radius > 10.0 {
            let kind = Type::bold(14.0, if node.up { PAPER } else { MUTED });
            canvas.text((place.0, place.1 + 4.2), &node.node.to_string(), kind, Anchor::Middle)?;
        }
    }
    legend(canvas, record, &regions)?;
    Ok(true)
}

fn colour_of(region: usize) -> RGBColor {
    SERIES[region % SERIES.len()]
}

fn legend(canvas: &mut Canvas<'_>, record: &RunRecord, regions: &[&str]) -> Drawn {
    let mut y = 150.0;
    let plain = Type::plain(TEXT, INK);
    let tree = record.edges.iter().filter(|edge| edge.tree).count() as u64;
    let others = record.edges.len() as u64 - tree;
    if tree > 0 {
        canvas.line(&[(LIST, y - 5.0), (LIST + 26.0, y - 5.0)], INK, 2.8, 0.85)?;
        canvas.text((LIST + 38.0, y), &plural(tree, "link of the tree", "links of the tree"), plain, Anchor::Left)?;
        y += 28.0;
    }
    canvas.line(&[(LIST, y - 5.0), (LIST + 26.0, y - 5.0)], AXIS, 1.2, 1.0)?;
    let text = if tree > 0 { plural(others, "other link", "other links") } else { plural(others, "link", "links") };
    canvas.text((LIST + 38.0, y), &text, plain, Anchor::Left)?;
    y += 46.0;
    for (i, region) in regions.iter().enumerate().take(14) {
        let nodes = record.nodes.iter().filter(|node| node.up && node.region == **region).count() as u64;
        let name = if region.is_empty() { "running" } else { region };
        canvas.dot((LIST + 13.0, y - 5.0), 8.0, colour_of(i), 1.0)?;
        canvas.text((LIST + 38.0, y), name, plain, Anchor::Left)?;
        canvas.text((LIST + 38.0, y + 19.0), &plural(nodes, "running node", "running nodes"), Type::plain(SMALL, MUTED), Anchor::Left)?;
        y += 48.0;
    }
    let down = record.nodes.iter().filter(|node| !node.up).count() as u64;
    if down > 0 {
        canvas.dot((LIST + 13.0, y - 5.0), 8.0, DOWN, 1.0)?;
        canvas.text((LIST + 38.0, y), &plural(down, "node is down", "nodes are down"), plain, Anchor::Left)?;
    }
    Ok(())
}

/// All nodes, or those nearest to the first of the running ones.
fn selection(record: &RunRecord) -> Vec<&NodeRow> {
    if record.nodes.len() <= SHOWN {
        return record.nodes.iter().collect();
    }
    let nodes: BTreeMap<u32, &NodeRow> = record.nodes.iter().map(|node| (node.node, node)).collect();
    let mut neighbours: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for edge in &record.edges {
        neighbours.entry(edge.a).or_default().push(edge.b);
        neighbours.entry(edge.b).or_default().push(edge.a);
    }
    let mut queue: VecDeque<u32> = record.nodes.iter().filter(|node| node.up).map(|node| node.node).take(1).collect();
    let mut found: BTreeMap<u32, &NodeRow> = BTreeMap::new();
    while let Some(node) = queue.pop_front() {
        let Some(row) = nodes.get(&node).filter(|_| found.len() < SHOWN) else { continue };
        if found.insert(node, row).is_none() {
            queue.extend(neighbours.get(&node).into_iter().flatten().filter(|next| !found.contains_key(next)));
        }
    }
    found.into_values().collect()
}
