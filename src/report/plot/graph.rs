//! The graph itself, with its tree.

use std::path::Path;

use plotters::prelude::*;

use super::layout::spring_layout;
use super::panel::{GREY, PALETTE, SIZE, head, use_embedded_font};
use crate::report::ReportError;
use crate::report::record::{NodeRow, RunRecord};

/// More nodes than this are not drawn one by one: the picture shows those within reach of the first.
const MOST: usize = 300;

/// Draws the links at the end of a run; those that are part of a broadcast tree are bold.
///
/// # Errors
/// [`ReportError::Picture`] if it cannot be drawn or written.
pub fn draw(path: &Path, record: &RunRecord, subtitle: &str) -> Result<(), ReportError> {
    use_embedded_font();
    let root = BitMapBackend::new(path, SIZE).into_drawing_area();
    render(&root, record, subtitle).and_then(|()| Ok(root.present()?)).map_err(ReportError::picture(path))
}

fn render(
    root: &DrawingArea<BitMapBackend, plotters::coord::Shift>,
    record: &RunRecord,
    subtitle: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let shown = nearest(record);
    let note =
        if shown.len() < record.nodes.len() { format!("{subtitle}; the {} nodes around n0", shown.len()) } else { subtitle.to_owned() };
    head(root, "Who is linked with whom at the end", &note)?;
    let index = |node: u32| shown.binary_search_by_key(&node, |row| row.node).ok();
    let links: Vec<(usize, usize, bool)> =
        record.edges.iter().filter_map(|edge| Some((index(edge.a)?, index(edge.b)?, edge.tree))).collect();
    let places = spring_layout(shown.len(), &links.iter().map(|(a, b, _)| (*a, *b)).collect::<Vec<_>>());
    let pixel = |node: usize| {
        let (x, y) = places[node];
        ((60.0 + x * f64::from(SIZE.0 - 320)) as i32, (120.0 + y * f64::from(SIZE.1 - 180)) as i32)
    };
    for (a, b, tree) in &links {
        let style =
            if *tree { ShapeStyle::from(RGBColor(60, 60, 60)).stroke_width(3) } else { ShapeStyle::from(GREY.mix(0.5)).stroke_width(1) };
        root.draw(&PathElement::new(vec![pixel(*a), pixel(*b)], style))?;
    }
    let mut regions: Vec<&str> = record.nodes.iter().map(|node| node.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    let colour = |node: &NodeRow| {
        let region = regions.iter().position(|region| *region == node.region).unwrap_or(0);
        if node.up { PALETTE[region % PALETTE.len()] } else { RGBColor(200, 200, 200) }
    };
    let size = if shown.len() > 120 { 5 } else { 9 };
    for (node, row) in shown.iter().enumerate() {
        root.draw(&Circle::new(pixel(node), size, colour(row).filled()))?;
        if shown.len() <= 120 {
            let (x, y) = pixel(node);
            root.draw(&Text::new(format!("n{}", row.node), (x + 10, y - 18), ("sans-serif", 14).into_font().color(&RGBColor(60, 60, 60))))?;
        }
    }
    legend(root, &regions, record)
}

fn legend(
    root: &DrawingArea<BitMapBackend, plotters::coord::Shift>,
    regions: &[&str],
    record: &RunRecord,
) -> Result<(), Box<dyn std::error::Error>> {
    let (x, mut y) = (SIZE.0 as i32 - 230, 110);
    let font = || ("sans-serif", 16).into_font().color(&RGBColor(40, 40, 40));
    let mut line = |text: &str, colour: RGBColor, width: u32| -> Result<(), Box<dyn std::error::Error>> {
        if width == 0 {
            root.draw(&Circle::new((x + 14, y + 9), 8, colour.filled()))?;
        } else {
            root.draw(&PathElement::new(vec![(x, y + 9), (x + 28, y + 9)], ShapeStyle::from(colour).stroke_width(width)))?;
        }
        root.draw(&Text::new(text.to_owned(), (x + 40, y), font()))?;
        y += 28;
        Ok(())
    };
    if record.edges.iter().any(|edge| edge.tree) {
        line("branch of the tree", RGBColor(60, 60, 60), 3)?;
    }
    line("link", GREY, 1)?;
    for (index, region) in regions.iter().enumerate() {
        line(if region.is_empty() { "node" } else { region }, PALETTE[index % PALETTE.len()], 0)?;
    }
    if record.nodes.iter().any(|node| !node.up) {
        line("node that is down", RGBColor(200, 200, 200), 0)?;
    }
    Ok(())
}

/// The nodes to draw, by ordinal: all, or the first ones that a search from n0 meets.
fn nearest(record: &RunRecord) -> Vec<&NodeRow> {
    if record.nodes.len() <= MOST {
        return record.nodes.iter().collect();
    }
    let size = record.nodes.len();
    let mut links = vec![Vec::new(); size];
    for edge in &record.edges {
        links[edge.a as usize % size].push(edge.b as usize);
        links[edge.b as usize % size].push(edge.a as usize);
    }
    let (mut chosen, mut next) = (vec![0], 0);
    let mut seen = vec![false; size];
    seen[0] = true;
    while next < chosen.len() && chosen.len() < MOST {
        for other in &links[chosen[next]] {
            if *other < size && !std::mem::replace(&mut seen[*other], true) && chosen.len() < MOST {
                chosen.push(*other);
            }
        }
        next += 1;
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|node| &record.nodes[node]).collect()
}
