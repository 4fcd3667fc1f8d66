//! The scenario of a result.

use std::path::Path;

use super::{Scenario, to_ron};

/// The file in a result that says what was run.
pub const SCENARIO_FILE: &str = "scenario.ron";
/// The file in a result that holds the latency matrix of the scenario, where it had one of its own.
pub const MATRIX_FILE: &str = "matrix.csv";
/// How the scenario of a result begins.
const HEADER: &str = concat!("// What ", env!("CARGO_PKG_NAME"), " ");

/// Whether this is the scenario of a result, as [`save`] writes it, and not somebody's own.
pub fn is_of_a_result(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|text| text.starts_with(HEADER.as_bytes()))
}

/// Writes down what is run, with every default and change, so that `verify` needs nothing else.
///
/// # Errors
/// What cannot be written.
pub fn save(folder: &Path, scenario: &Scenario) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let mut scenario = scenario.clone();
    if let Some(regions) = &mut scenario.network.regions
        && Path::new(&regions.matrix).is_absolute()
    {
        let matrix = folder.join(MATRIX_FILE);
        if std::fs::canonicalize(&regions.matrix)? != std::fs::canonicalize(&matrix).unwrap_or_default() {
            std::fs::copy(&regions.matrix, &matrix)?;
        }
        regions.matrix = MATRIX_FILE.to_owned();
    }
    let version = env!("CARGO_PKG_VERSION");
    let header = format!("{HEADER}{version} ran, every default written out. `mesh-sim verify` on this folder runs it again.\n");
    std::fs::write(folder.join(SCENARIO_FILE), header + &to_ron(&scenario)? + "\n")?;
    Ok(())
}
