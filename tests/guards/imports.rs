//! Imports point one way: see the layout in `ARCHITECTURE.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// What code in a folder of `src` must not name.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("crypto", &["kernel", "mesh", "gate", "replay", "sim", "live", "report", "scenario", "link_model", "trial"]),
    ("wire", &["kernel", "mesh", "gate", "replay", "sim", "live", "report", "scenario", "link_model", "trial"]),
    ("kernel", &["mesh", "gate", "replay", "sim", "live", "report", "scenario", "link_model", "trial"]),
    ("mesh", &["gate", "replay", "sim", "live", "report", "scenario", "link_model", "trial"]),
    ("gate", &["replay", "sim", "live", "report", "scenario", "link_model", "trial"]),
    ("link_model", &["mesh", "gate", "replay", "sim", "live", "report", "trial"]),
    ("scenario", &["gate", "replay", "sim", "live", "report", "trial"]),
    ("report", &["gate", "replay", "sim", "live", "trial"]),
    ("trial", &["gate", "replay", "sim", "live"]),
    ("replay", &["sim", "live", "trial"]),
    ("sim", &["gate", "replay", "live"]),
    ("live", &["sim"]),
];

/// Lines of `source`, a file in the folder `layer`, that name a layer they must not: line number and text.
fn upward_imports(layer: &str, source: &str) -> Vec<(usize, String)> {
    let Some((_, forbidden)) = FORBIDDEN.iter().find(|(name, _)| *name == layer) else { return Vec::new() };
    let names = |line: &str| {
        forbidden.iter().any(|other| {
            let paths = [format!("crate::{other}::"), format!("crate::{other};"), format!("super::{other}::"), format!("super::{other};")];
            paths.iter().any(|path| line.contains(path))
        })
    };
    code_lines(source).filter(|(_, line)| paths(line).iter().any(|path| names(path))).collect()
}

/// Lines that name another protocol's components, in a file of the protocol `own`.
fn foreign_components(own: &str, source: &str) -> Vec<(usize, String)> {
    let reaches = |line: &str| {
        line.split("crate::mesh::").skip(1).any(|rest| {
            let mut parts = rest.split("::");
            parts.next().is_some_and(|protocol| protocol != own)
                && parts.next().is_some_and(|part| part.starts_with("components") || part.starts_with("systems"))
        })
    };
    code_lines(source).filter(|(_, line)| reaches(line)).collect()
}

/// What a line names: an import each of its paths in full, whatever groups they stand in; another line itself.
fn paths(line: &str) -> Vec<String> {
    let Some(tree) = imported(line) else { return vec![line.to_owned()] };
    let mut found = Vec::new();
    expand("", tree.trim_end().trim_end_matches(';'), &mut found);
    found
}

/// What stands after `use`, whoever may see it.
fn imported(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (before, tree) = line.split_once("use ")?;
    (before.is_empty() || before.starts_with("pub") && !before.contains(['"', '{', ';'])).then_some(tree)
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return found.extend((!path.is_empty()).then(|| format!("{prefix}{path};")));
    };
    let group = rest.rsplit_once('}').map_or(rest, |(group, _)| group);
    let (mut depth, mut begin) = (0, 0);
    for (index, character) in group.char_indices().chain([(group.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&format!("{prefix}{}", head.trim()), &group[begin..index], found);
                begin = group.len().min(index + 1);
            }
            _ => {}
        }
    }
}

/// Lines that name sockets, clocks, threads or files, or bring in a whole module in which they are.
fn outside_world(source: &str) -> Vec<(usize, String)> {
    let outside = ["std::time::Instant", "SystemTime", "UNIX_EPOCH", "tokio", "socket2", "std::net::Tcp", "std::net::Udp", "std::thread"];
    let outside = [&outside[..], &["std::fs", "std::io::std", "std::process"]].concat();
    let modules = ["std", "std::time", "std::net"];
    let whole = |path: &str| modules.iter().any(|module| ["", "::self", "::*"].iter().any(|end| path == format!("{module}{end};")));
    let named = |path: &String| outside.iter().any(|word| path.contains(word)) || whole(path.trim_start_matches("::"));
    code_lines(source).filter(|(_, line)| paths(line).iter().any(named)).collect()
}

/// Numbered lines up to the tests that stand at the end of a file, without comments; an import over several lines counts as one. Tests in
/// a file of their own end nothing.
fn code_lines(source: &str) -> impl Iterator<Item = (usize, String)> {
    let lines: Vec<&str> = source.lines().collect();
    let tests = |index: usize| lines[index] == "#[cfg(test)]" && lines.get(index + 1).is_some_and(|next| next.ends_with('{'));
    let end = (0..lines.len()).find(|index| tests(*index)).unwrap_or(lines.len());
    let code = lines.into_iter().take(end).enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in code {
        match joined.last_mut().filter(|_| open) {
            Some((_, import)) => import.push_str(line.trim_start()),
            None => joined.push((index + 1, line.to_owned())),
        }
        open = (open || imported(line).is_some()) && !line.contains(';');
    }
    joined.into_iter()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("a directory entry").path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn imports_point_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = 0;
    for (layer, _) in FORBIDDEN {
        for file in rust_files(&src.join(layer)) {
            let source = fs::read_to_string(&file).expect("a readable file");
            checked += 1;
            assert_eq!(upward_imports(layer, &source), [], "in {}", file.display());
            if *layer == "mesh" {
                let protocol = file.strip_prefix(src.join("mesh")).ok().and_then(|path| path.components().next());
                let protocol = protocol.map(|part| part.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
                assert_eq!(foreign_components(&protocol, &source), [], "in {}", file.display());
            }
        }
    }
    assert!(checked > 50, "only {checked} files were found");
}

#[test]
fn an_upward_import_is_caught_with_its_line() {
    let source = "//! crate::sim:: in a comment is fine\nuse crate::kernel::Node;\nuse crate::sim::Plan;\n";
    assert_eq!(upward_imports("mesh", source), [(3, "use crate::sim::Plan;".to_owned())]);
    let source = "use crate::{\n    kernel::Node,\n    sim::Plan,\n};\nuse super::super::report::RunRecord;\n";
    assert_eq!(upward_imports("mesh", source).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 5]);
    let source = "#[cfg(test)]\nmod tests;\nuse crate::{kernel::Node, sim};\n#[cfg(test)]\nmod more {\n    use crate::sim::Plan;\n}\n";
    assert_eq!(upward_imports("mesh", source), [(3, "use crate::{kernel::Node, sim};".to_owned())]);
    assert_eq!(
        foreign_components("broadcast", "use crate::mesh::topology::components::Links;"),
        [(1, "use crate::mesh::topology::components::Links;".to_owned())]
    );
}

#[test]
fn protocols_name_neither_sockets_nor_clocks() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in ["gate", "mesh", "kernel", "wire", "crypto"] {
        for file in rust_files(&src.join(layer)) {
            let source = fs::read_to_string(&file).expect("a readable file");
            assert_eq!(outside_world(&source), [], "in {}", file.display());
        }
    }
}

#[test]
fn sockets_and_clocks_are_found_in_whatever_import_they_hide() {
    for planted in [
        "use std::time::Instant;",
        "use std::time::{Duration, Instant};",
        "use std::{net::{IpAddr, TcpStream}, time::Duration};",
        "use std::{\n    collections::BTreeMap,\n    time::{\n        Duration,\n        SystemTime as Clock,\n    },\n};",
        "pub(in crate::mesh) use std::{fs as files};",
        "use std::time;",
        "use std::time::{self, Duration};",
        "use std::net::*;",
        "use std as other;",
        "use tokio::sync::mpsc;",
        "    let now = std::time::Instant::now();",
    ] {
        assert_eq!(outside_world(&format!("//! Some file.\n{planted}\nfn f() {{}}\n")).len(), 1, "{planted}");
    }
    for sound in
        ["use std::time::Duration;", "use std::net::{IpAddr, SocketAddr};", "use crate::kernel::{Instant, time::Clock};", "// tokio"]
    {
        assert_eq!(outside_world(sound), [], "{sound}");
    }
    let source = "use crate::{kernel::{Node, Tick}, mesh::plugins, sim as simulator};";
    assert_eq!(upward_imports("mesh", source).len(), 1);
    assert_eq!(upward_imports("mesh", "use super::{super::{report::{self, RunRecord}}};").len(), 1);
    assert_eq!(upward_imports("mesh", "use crate::kernel::{sim_time, Node};"), []);
}
