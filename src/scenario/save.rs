//! The scenario of a result.

use std::path::Path;

use super::{Scenario, to_ron};

/// The file in a result that says what was run.
pub const SCENARIO_FILE: &str = "scenario.ron";

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
        let matrix = folder.join("matrix.csv");
        if std::fs::canonicalize(&regions.matrix)? != std::fs::canonicalize(&matrix).unwrap_or_default() {
            std::fs::copy(&regions.matrix, &matrix)?;
        }
        regions.matrix = "matrix.csv".to_owned();
    }
    let version = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let header = format!("// What {version} ran, every default written out. `mesh-sim verify` on this folder runs it again.\n");
    std::fs::write(folder.join(SCENARIO_FILE), header + &to_ron(&scenario)? + "\n")?;
    Ok(())
}
