//! What a comparison says to the person in front of the terminal.

use super::super::format::{plural, seconds};
use super::figures::{self, Known, Section, Unit, part};
use super::{Comparison, Excess, Expected, Figure, Outcome, Run, Tolerance};

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";

/// Settings that are listed before the rest is only counted.
const SETTINGS: usize = 8;

/// The comparison on one screen: what was run, the figures of both with what differs marked, the expectations of both. `names` is what to
/// call A and B. With `colour` it holds ANSI colours.
pub fn terminal_comparison(comparison: &Comparison, names: [&str; 2], tolerances: &[Tolerance], colour: bool) -> String {
    let screen = Screen { comparison, tolerances, colour };
    let mut out = String::new();
    screen.runs(&mut out, names);
    let differing = screen.figures(&mut out);
    screen.expectations(&mut out);
    screen.conclusion(&mut out, differing);
    out
}

struct Screen<'a> {
    comparison: &'a Comparison,
    tolerances: &'a [Tolerance],
    colour: bool,
}

/// A line of the table, as text.
struct Line {
    section: Section,
    mark: &'static str,
    paint: &'static str,
    /// Label, A, B, difference, relative difference, bound.
    cells: [String; 6],
}

impl Screen<'_> {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn runs(&self, out: &mut String, names: [&str; 2]) {
        let width = names.map(|name| name.chars().count()).into_iter().max().unwrap_or_default();
        let scenario = |run: &Run| run.scenario.chars().count();
        let of_scenario = scenario(&self.comparison.a).max(scenario(&self.comparison.b));
        for (letter, name, run) in [("A", names[0], &self.comparison.a), ("B", names[1], &self.comparison.b)] {
            let nodes = plural(run.nodes.into(), "node", "nodes");
            let time = format!("{} simulated in {}", seconds(run.simulated_seconds), seconds(run.wall_seconds));
            let what = format!("{:<of_scenario$} · {nodes} · seed {} · {time}", run.scenario, run.seed);
            line(out, &format!("{}  {}  {what}", self.paint(BOLD, letter), self.paint(BOLD, &format!("{name:<width$}"))));
        }
        let settings = &self.comparison.settings;
        let warn = |out: &mut String, text: &str| line(out, &self.paint(YELLOW, text));
        if !settings.is_empty() {
            out.push('\n');
        }
        match &settings[..] {
            [] if self.comparison.a.digest == self.comparison.b.digest && !self.comparison.a.digest.is_empty() => {
                line(out, &format!("\none run, to the last event: digest {}", self.comparison.a.digest));
            }
            [] => {}
            [one] => warn(out, &format!("not run alike: {} is {} in A and {} in B", one.name, one.a, one.b)),
            several => {
                warn(out, "not run alike:");
                for one in several.iter().take(SETTINGS) {
                    warn(out, &format!("  {} is {} in A and {} in B", one.name, one.a, one.b));
                }
                if let Some(more) = several.len().checked_sub(SETTINGS).filter(|more| *more > 0) {
                    warn(out, &format!("  and {more} more"));
                }
            }
        }
    }

    /// Writes the table, and returns how many of its figures differ, and how many it has.
    fn figures(&self, out: &mut String) -> (usize, usize) {
        let known = figures::all().zip(&self.comparison.figures);
        let shown: Vec<(Known, &Figure)> = known.filter(|(known, figure)| self.is_shown(known, figure)).collect();
        let mut lines: Vec<Line> = shown.iter().map(|(known, figure)| self.line(known, figure)).collect();
        let titles = ["", "A", "B", "difference", "", if self.tolerances.is_empty() { "" } else { "allowed" }].map(str::to_owned);
        let width = |cell: usize| lines.iter().map(|it| &it.cells).chain([&titles]).map(|cells| cells[cell].chars().count()).max();
        let widths: [usize; 6] = std::array::from_fn(|cell| width(cell).unwrap_or_default());
        let text = |cells: &[String; 6]| {
            let cell = |index: usize| format!("{:>width$}", cells[index], width = widths[index]);
            let label = format!("{:<width$}", cells[0], width = widths[0]);
            format!("{label}  {}  {}  {}  {}  {}", cell(1), cell(2), cell(3), cell(4), cell(5)).trim_end().to_owned()
        };
        line(out, &format!("\n    {}", self.paint(BOLD, &text(&titles))));
        for section in Section::ALL {
            let of_section = lines.extract_if(.., |line| line.section == section);
            for (index, row) in of_section.enumerate() {
                if index == 0 {
                    line(out, &format!("  {}", self.paint(BOLD, section.title())));
                }
                line(out, &self.paint(row.paint, &format!("  {} {}", row.mark, text(&row.cells))));
            }
        }
        (shown.iter().filter(|(_, figure)| figure.differs()).count(), shown.len())
    }

    /// A figure that neither has, and a protocol that did not run, are worth no line, unless they are asked for.
    fn is_shown(&self, known: &Known, figure: &Figure) -> bool {
        let empty = |value: Option<f64>| value.is_none() || known.is_of_a_protocol() && value == Some(0.0);
        !(empty(figure.a) && empty(figure.b)) || self.asked(figure).next().is_some()
    }

    fn asked(&self, figure: &Figure) -> impl Iterator<Item = &Tolerance> {
        self.tolerances.iter().filter(|tolerance| tolerance.figure() == figure.name)
    }

    fn line(&self, known: &Known, figure: &Figure) -> Line {
        let (mark, paint) = match (self.asked(figure).next(), self.asked(figure).all(|tolerance| tolerance.allows(figure))) {
            (Some(_), true) => ("✔", GREEN),
            (Some(_), false) => ("✘", RED),
            (None, _) if figure.differs() => ("≠", ""),
            (None, _) => (" ", DIM),
        };
        let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| figure.unit.value(value));
        let difference = match (figure.a, figure.b, figure.difference) {
            (Some(_), None, _) => "only in A".to_owned(),
            (None, Some(_), _) => "only in B".to_owned(),
            // The difference between yes and no has no size.
            (.., Some(difference)) if difference != 0.0 && figure.unit != Unit::Truth => signed(difference, &figure.unit.size(difference)),
            _ => String::new(),
        };
        let relative = figure.relative.filter(|relative| *relative != 0.0 && figure.unit != Unit::Truth);
        let relative = relative.map_or_else(String::new, |relative| signed(relative, &part(relative)));
        let allowed: Vec<String> = self.asked(figure).map(|tolerance| tolerance.bound().shown(figure.unit)).collect();
        let cells = [known.label().to_owned(), value(figure.a), value(figure.b), difference, relative, allowed.join(", ")];
        Line { section: known.section, mark, paint, cells }
    }

    fn expectations(&self, out: &mut String) {
        let rows = &self.comparison.expectations;
        if rows.is_empty() {
            return;
        }
        line(out, &format!("\n  {}", self.paint(BOLD, "A B  expectations")));
        for row in rows {
            let mark = |outcome: &Option<Outcome>| match outcome {
                Some(outcome) if outcome.held => self.paint(GREEN, "✔"),
                Some(_) => self.paint(RED, "✘"),
                None => "–".to_owned(),
            };
            line(out, &format!("  {} {}  {}", mark(&row.a), mark(&row.b), row.name));
            for (letter, outcome) in [("A", &row.a), ("B", &row.b)] {
                let Some(outcome) = outcome.as_ref().filter(|_| row.differs()) else { continue };
                line(out, &self.paint(DIM, &format!("       in {letter}: {}", outcome.detail)));
            }
        }
    }

    fn conclusion(&self, out: &mut String, (differing, all): (usize, usize)) {
        let figures = match differing {
            0 => "no figure differs".to_owned(),
            _ => format!("{differing} of {} differ", plural(all as u64, "figure", "figures")),
        };
        let expectations = &self.comparison.expectations;
        let otherwise = expectations.iter().filter(|row| Expected::differs(row)).count();
        let expectations = match (expectations.len(), otherwise) {
            (0, _) => String::new(),
            (_, 0) => " · every expectation came out alike".to_owned(),
            (_, otherwise) => format!(" · {} came out otherwise", plural(otherwise as u64, "expectation", "expectations")),
        };
        line(out, &format!("\n  {figures}{expectations}"));
        let beyond: Vec<Excess> = self.comparison.within(self.tolerances);
        for excess in &beyond {
            line(out, &format!("  {}", self.paint(RED, &excess.to_string())));
        }
        if beyond.is_empty() && !self.tolerances.is_empty() {
            let text = match self.tolerances.len() {
                1 => "the one tolerance is kept".to_owned(),
                many => format!("all {many} tolerances are kept"),
            };
            line(out, &format!("  {}", self.paint(GREEN, &text)));
        }
    }
}

fn signed(value: f64, size: &str) -> String {
    if size.starts_with(['<', '×']) { size.to_owned() } else { format!("{}{size}", if value < 0.0 { '-' } else { '+' }) }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}
