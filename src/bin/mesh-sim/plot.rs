//! `mesh-sim plot`

use std::path::PathBuf;

use crate::{Outcome, say};
use murmuration::report;

#[derive(clap::Args)]
pub struct Args {
    /// The folder of a result.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn plot(args: &Args) -> Result<Outcome, String> {
    report::plot_dir(&args.folder).map_err(|error| format!("{}: {error}", args.folder.display()))?;
    say(&format!("pictures drawn again in {}", args.folder.display()));
    Ok(Outcome::Held)
}
