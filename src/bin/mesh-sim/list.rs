//! `mesh-sim list`

use murmuration::scenario::{self, harmless};

use crate::{Outcome, complain, say};

pub fn list() -> Result<Outcome, String> {
    let paths = scenario::list();
    let mut rows = vec![["NAME", "NODES", "DURATION", "WHAT IT SHOWS"].map(str::to_owned)];
    let mut broken = 0;
    for path in &paths {
        let loaded = scenario::load(&path.to_string_lossy()).and_then(|loaded| scenario::check(&loaded).map(|()| loaded.scenario));
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match loaded {
            Ok(it) => rows.push([
                name,
                it.nodes.to_string(),
                humantime::format_duration(it.duration).to_string(),
                harmless(it.about.chars()).replace('\n', " "),
            ]),
            Err(error) => {
                broken += 1;
                complain(&error.to_string());
            }
        }
    }
    if paths.is_empty() {
        return Err("there is no scenario in scenarios/".to_owned());
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (names, nodes, durations) = (width(0), width(1), width(2));
    for [name, count, duration, about] in &rows {
        say(format!("{name:names$}  {count:>nodes$}  {duration:durations$}  {about}").trim_end());
    }
    if broken > 0 { Err(format!("{broken} of {} scenarios cannot be run", paths.len())) } else { Ok(Outcome::Held) }
}
