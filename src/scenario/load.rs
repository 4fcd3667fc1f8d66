//! From a file to a scenario.

use std::io::Read;
use std::path::{Path, PathBuf};

use ron::Options;
use ron::error::{Error as RonError, SpannedError};
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;

use super::error::{ScenarioError, nearest};
use super::set::Override;
use super::{Scenario, text};
use crate::link_model::Matrix;

/// Longest scenario in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The folder in which bare names are looked for.
const FOLDER: &str = "scenarios";

/// A scenario, the text it was read from, and what the command line changed.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario, changes included.
    pub scenario: Scenario,
    /// The text.
    pub source: String,
    /// Where the text was read from.
    pub path: PathBuf,
    /// What was changed after reading.
    pub(super) overrides: Vec<Override>,
}

/// Reads a scenario. A bare name, with or without `.ron`, is looked for in the working directory, in its folder `scenarios/`, and
/// in that of the package which the program was built from.
///
/// # Errors
/// There is no such file, or it is not a scenario. Whether the scenario makes sense is for [`check`](super::check) to say.
pub fn load(path_or_name: &str) -> Result<Loaded, ScenarioError> {
    let path = find(path_or_name)?;
    let source = read(&path)?;
    parse(&source, path)
}

/// Reads a scenario from its text, which stands at `path`.
///
/// # Errors
/// It is not a scenario.
pub fn parse(source: &str, path: PathBuf) -> Result<Loaded, ScenarioError> {
    let mut scenario: Scenario = options().from_str(source).map_err(|error| not_ron(&path, source, &error))?;
    if scenario.name.is_empty() {
        scenario.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    }
    pin_matrix(&mut scenario, path.parent().unwrap_or(Path::new("")));
    Ok(Loaded { scenario, source: source.to_owned(), path, overrides: Vec::new() })
}

/// The scenario as text, with every default written out. [`parse`] makes the same scenario of it.
///
/// # Errors
/// It cannot be written, which a scenario that passed [`check`](super::check) always can.
pub fn to_ron(scenario: &Scenario) -> Result<String, ron::Error> {
    options().to_string_pretty(scenario, PrettyConfig::new().indentor("  ").depth_limit(4))
}

/// The scenarios in `scenarios/`, by name.
pub fn list() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = folder().and_then(|folder| std::fs::read_dir(folder).ok()).map_or_else(Vec::new, |entries| {
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.extension().is_some_and(|ext| ext == "ron")).collect()
    });
    found.sort();
    found
}

fn options() -> Options {
    Options::default().with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_NEWTYPES | Extensions::UNWRAP_VARIANT_NEWTYPES)
}

/// The path of a matrix is relative to the scenario; from here on it is good from everywhere.
pub(super) fn pin_matrix(scenario: &mut Scenario, base: &Path) {
    if let Some(regions) = &mut scenario.network.regions
        && !Matrix::embedded_names().contains(&regions.matrix.as_str())
        && let Ok(path) = std::path::absolute(base.join(&regions.matrix))
    {
        regions.matrix = path.to_string_lossy().into_owned();
    }
}

fn folder() -> Option<PathBuf> {
    // The package's own folder is the fallback for a program that is run from elsewhere.
    [PathBuf::from(FOLDER), Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER)].into_iter().find(|folder| folder.is_dir())
}

fn find(path_or_name: &str) -> Result<PathBuf, ScenarioError> {
    let given = Path::new(path_or_name);
    let bare = given.components().count() == 1;
    let mut folders = vec![PathBuf::new()];
    if bare {
        folders.extend([PathBuf::from(FOLDER), Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER)]);
    }
    let names = [given.to_owned(), PathBuf::from(format!("{path_or_name}.ron"))];
    let mut candidates = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    if let Some(path) = candidates.find(|path| path.is_file()) {
        return Ok(path);
    }
    let known = list();
    let stems: Vec<String> = known.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    let wanted = given.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let message = match (bare, given.is_dir()) {
        (_, true) => "this is a folder, not a scenario",
        (true, _) => "there is no such scenario, neither here nor in scenarios/",
        _ => "there is no such file",
    };
    let suggestion = nearest(&wanted, stems.iter().map(String::as_str));
    Err(ScenarioError::new(path_or_name, message).suggesting(suggestion))
}

fn read(path: &Path) -> Result<String, ScenarioError> {
    let origin = path.display().to_string();
    let unreadable = |error: std::io::Error| ScenarioError::new(&origin, format!("it cannot be read: {error}"));
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ScenarioError::new(origin, format!("it is longer than {MAX_BYTES} bytes, the most a scenario may have")));
    }
    // Some editors put it at the start of a text.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        ScenarioError::at(&origin, &text, at..at + 1, "here the text is not UTF-8")
    })
}

/// The message for a text that `ron` does not accept.
fn not_ron(path: &Path, source: &str, error: &SpannedError) -> ScenarioError {
    let offset = |position: ron::error::Position| {
        let line_start = source.split_inclusive('\n').take(position.line.saturating_sub(1)).map(str::len).sum::<usize>();
        let line = &source[line_start.min(source.len())..];
        line_start + line.char_indices().nth(position.col.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
    };
    let start = offset(error.span.start);
    let end = offset(error.span.end);
    let span = match &error.code {
        // These are noticed after the piece where the cursor last stood.
        RonError::ExpectedComma | RonError::ExpectedStructLikeEnd | RonError::ExpectedArrayEnd | RonError::ExpectedMapEnd
            if end > start =>
        {
            text::token_at(source, end)
        }
        // The cursor stands behind the opening mark.
        RonError::UnclosedBlockComment => source[..start].rfind("/*").unwrap_or(start)..source.len(),
        _ => text::token_at(source, start),
    };
    let found = source[span.clone()].to_owned();
    let (message, suggestion) = explain(&error.code, &found);
    ScenarioError::at(path.display().to_string(), source, span, message).suggesting(suggestion)
}

fn explain(code: &RonError, found: &str) -> (String, Option<String>) {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let of = |outer: &Option<String>| outer.as_deref().map_or_else(String::new, |outer| format!(" of {outer}"));
    let here = if found.is_empty() { "the text ends".to_owned() } else { format!("`{found}` stands") };
    let message = match code {
        RonError::NoSuchStructField { expected, found, outer } => {
            let suggestion = nearest(found, expected.iter().copied());
            return (format!("`{found}` is not a field{}, which has {}", of(outer), quoted(expected)), suggestion);
        }
        RonError::NoSuchEnumVariant { expected, found, outer } => {
            let suggestion = nearest(found, expected.iter().copied());
            return (format!("`{found}` is not a kind{}, which is one of {}", of(outer), quoted(expected)), suggestion);
        }
        RonError::MissingStructField { field, outer } => format!("the field `{field}`{} is missing before this", of(outer)),
        RonError::DuplicateStructField { field, .. } => format!("the field `{field}` is given twice"),
        RonError::InvalidValueForType { expected, found } if expected == "a duration" => {
            format!("{found} is not a duration; write one as \"500ms\", \"20s\" or \"1m 30s\"")
        }
        RonError::InvalidValueForType { expected, found } => format!("{expected} is expected, not {found}"),
        RonError::ExpectedDifferentLength { expected, found } => format!("{expected} is expected, not {found}"),
        RonError::ExpectedString => {
            let example = if found.starts_with(|first: char| first.is_ascii_digit()) { "a duration is written \"20s\"" } else { "" };
            let example = if example.is_empty() { String::new() } else { format!(" ({example})") };
            format!("a string in quotes is expected where {here}{example}")
        }
        RonError::IntegerOutOfBounds => format!("`{found}` is out of range for a whole number here"),
        RonError::ExpectedInteger | RonError::ExpectedComma if found.parse::<f64>().is_ok() && found.contains('.') => {
            format!("a whole number is expected, not {found}")
        }
        RonError::ExpectedInteger => format!("a whole number is expected where {here}"),
        RonError::ExpectedFloat => format!("a number is expected where {here}"),
        RonError::ExpectedComma => format!("a comma or a closing bracket is expected where {here}"),
        RonError::ExpectedStructLikeEnd => format!("a closing `)` is expected where {here}"),
        RonError::ExpectedArray => format!("a list in `[` `]` is expected where {here}"),
        RonError::ExpectedMap => format!("a map in `{{` `}}` is expected where {here}"),
        RonError::ExpectedStructLike | RonError::ExpectedNamedStructLike(_) => format!("an opening `(` is expected where {here}"),
        RonError::ExpectedDifferentStructName { .. } => format!("a scenario begins with `(`, but here {here}"),
        RonError::ExpectedIdentifier if found == "(" => {
            "a name is expected before this parenthesis, or this pair is one too many".to_owned()
        }
        RonError::ExpectedIdentifier => format!("a name is expected where {here}"),
        RonError::TrailingCharacters => format!("the scenario is complete, but {here} after it"),
        RonError::UnclosedBlockComment => "this comment does not end".to_owned(),
        RonError::ExpectedStringEnd => "this string does not end".to_owned(),
        RonError::Message(message) => message.clone(),
        RonError::Eof => "the text ends too early".to_owned(),
        RonError::ExceededRecursionLimit => "this is nested too deeply".to_owned(),
        other => {
            let text = other.to_string();
            let mut characters = text.chars();
            let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
            format!("{first}{} where {here}", characters.as_str())
        }
    };
    (message, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scenario_reads_nicely_and_survives_being_written() {
        let source = r#"(nodes: 10, duration: "1m 30s", crypto: Modelled,
            network: (link: (latency: Uniform("10ms", "50ms"), loss: Independent(0.1), rate: 1000)),
            protocols: (discovery: None, overlay: Degree(min_degree: 1), dissemination: Plumtree(graft_timeout: "1s")),
            faults: [(at: "1s", do: Slow(nodes: RandomShare(0.1), service_time: "2ms")), (at: "2s", do: Crash(Random(3)))],
            churn: (session: Weibull("20s", 0.5), downtime: Constant("5s")), expect: [Degree(2, 3), DetectedWithin("5s")])"#;
        let loaded = parse(source, PathBuf::from("a/little.ron")).unwrap();
        assert_eq!(loaded.scenario.name, "little");
        let written = to_ron(&loaded.scenario).unwrap();
        assert_eq!(parse(&written, PathBuf::from("b.ron")).unwrap().scenario, loaded.scenario);
    }

    #[test]
    fn a_matrix_is_relative_to_its_scenario() {
        let source = r#"(nodes: 10, duration: "1s", network: (regions: (matrix: "m.csv")))"#;
        let scenario = parse(source, PathBuf::from("/some/where/x.ron")).unwrap().scenario;
        assert_eq!(scenario.network.regions.unwrap().matrix, "/some/where/m.csv");
        let source = source.replace("m.csv", "aws-11");
        let scenario = parse(&source, PathBuf::from("/some/where/x.ron")).unwrap().scenario;
        assert_eq!(scenario.network.regions.unwrap().matrix, "aws-11");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("(nodes: 1, duration: \"1s\", groups: {{\"a\": {}", "Except(".repeat(100_000));
        assert!(parse(&deep, PathBuf::from("a.ron")).unwrap_err().to_string().contains("nested too deeply"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(source in "[(){}\\[\\]:,#\"a1é /*\n]{0,60}|\\((nodes|duration|groups|faults): .{0,40}") {
            if let Err(error) = parse(&source, PathBuf::from("a.ron")) {
                prop_assert!(error.place.is_some());
            }
        }
    }
}
