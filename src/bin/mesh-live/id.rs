//! `mesh-live id`.

use murmuration::crypto::{CryptoMode, Identity, NodeId, Secret};
use murmuration::live::data_dir::{DataDir, DataDirError};

use crate::{Owner, answer};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    owner: Owner,
    /// Print `{"id": …, "short": …}`.
    #[arg(long)]
    json: bool,
}

pub fn id(args: &Args) -> Result<(), String> {
    let seed = match args.owner.keypair_seed()? {
        Some(seed) => seed,
        None => kept_seed(&args.owner)?,
    };
    let id = node_id(&seed);
    answer(&if args.json { serde_json::json!({ "id": format!("{id:?}"), "short": id.to_string() }).to_string() } else { format!("{id:?}") })
}

/// The identity of a seed.
pub fn node_id(seed: &Secret) -> NodeId {
    Identity::from_seed(seed.0, CryptoMode::Real).id()
}

/// The folder is taken only to make an identity: while a node runs it can be asked who it is.
fn kept_seed(owner: &Owner) -> Result<Secret, String> {
    let folder = owner.folder()?;
    let say = |error: DataDirError| error.to_string();
    if let Some(seed) = DataDir::peek_identity(&folder).map_err(say)? {
        return Ok(seed);
    }
    match DataDir::open(&folder) {
        Ok(dir) => dir.identity().map_err(say),
        // Another process may just have made it.
        Err(error @ DataDirError::Locked { .. }) => DataDir::peek_identity(&folder).map_err(say)?.ok_or_else(|| say(error)),
        Err(error) => Err(say(error)),
    }
}
