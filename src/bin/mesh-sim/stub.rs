//! STUB: stands in for `murmuration::sim` and `murmuration::report` until they are there; then `crate::stub` becomes `murmuration`.

/// Stands in for `murmuration::sim`.
pub mod sim {
    use murmuration::report::{Meta, RunRecord};
    use murmuration::scenario::Scenario;

    pub struct RunOptions<'a> {
        pub threads: usize,
        pub seed: u64,
        pub progress: Option<&'a dyn Fn(f64)>,
    }

    #[derive(thiserror::Error, Debug)]
    #[error("the stub cannot run on {0} threads")]
    pub struct RunError(usize);

    pub fn run(scenario: &Scenario, options: &RunOptions) -> Result<RunRecord, RunError> {
        if options.threads == 0 {
            return Err(RunError(0));
        }
        options.progress.inspect(|progress| progress(1.0));
        let (scenario, nodes) = (scenario.name.clone(), scenario.nodes);
        let meta = Meta { scenario, nodes, seed: options.seed, version: env!("CARGO_PKG_VERSION").into(), ..Meta::default() };
        Ok(RunRecord { meta, ..RunRecord::default() })
    }
}

/// Stands in for `murmuration::report`.
pub mod report {
    use std::path::Path;

    use murmuration::report::{Checkpoint, EventRow, Meta, RunRecord};
    use murmuration::scenario::Scenario;

    pub type ReportError = std::io::Error;

    pub struct Verdict {
        pub name: String,
        pub held: bool,
        pub detail: String,
    }

    pub struct SweepTable {
        pub vary: String,
        pub values: Vec<String>,
        pub metrics: Vec<SweepMetric>,
    }

    pub struct SweepMetric {
        pub name: String,
        pub unit: String,
        pub points: Vec<(usize, f64)>,
    }

    pub fn judge(scenario: &Scenario, _: &RunRecord) -> Vec<Verdict> {
        scenario.expect.iter().map(|it| Verdict { name: format!("{it:?}"), held: true, detail: String::new() }).collect()
    }

    pub fn write(dir: &Path, record: &RunRecord, _: &Scenario, _: &[Verdict], _plots: bool) -> Result<(), ReportError> {
        std::fs::write(dir.join("summary.json"), serde_json::to_string(&record.meta)?)
    }

    pub fn summary_json(_: &Scenario, record: &RunRecord, _: &[Verdict]) -> serde_json::Value {
        serde_json::to_value(&record.meta).unwrap_or_default()
    }

    pub fn terminal_summary(scenario: &Scenario, _: &RunRecord, verdicts: &[Verdict]) -> String {
        format!("{}: {} expectations", scenario.name, verdicts.len())
    }

    pub fn plot_dir(dir: &Path) -> Result<(), ReportError> {
        std::fs::read(dir.join("summary.json")).map(drop)
    }

    pub fn read_meta(dir: &Path) -> Result<Meta, ReportError> {
        Ok(serde_json::from_slice(&std::fs::read(dir.join("summary.json"))?)?)
    }

    pub fn read_events(_: &Path) -> Result<Vec<EventRow>, ReportError> {
        Ok(Vec::new())
    }

    pub fn read_checkpoints(_: &Path) -> Result<Vec<Checkpoint>, ReportError> {
        Ok(Vec::new())
    }

    pub fn sweep_plot(path: &Path, table: &SweepTable) -> Result<(), ReportError> {
        let lines = table.metrics.iter().map(|metric| format!("{} {} {}\n", metric.name, metric.unit, metric.points.len()));
        std::fs::write(path, format!("{} {:?}\n{}", table.vary, table.values, lines.collect::<String>()))
    }
}
