//! Clippy refuses what would break determinism. Here it is run on a file that does all of it.

use std::process::Command;

const PLANTED: &str = r#"
pub fn wall() -> std::time::Instant { std::time::Instant::now() }
pub fn date() -> std::time::SystemTime { std::time::SystemTime::now() }
pub fn nap() { std::thread::sleep(std::time::Duration::ZERO) }
pub fn table() -> std::collections::HashMap<u8, u8> { Default::default() }
pub fn set() -> std::collections::HashSet<u8> { Default::default() }
pub fn seed() -> std::hash::RandomState { Default::default() }
pub fn thread() { std::thread::spawn(|| ()); }
"#;

#[test]
fn clippy_refuses_clocks_threads_and_random_order() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("planted.rs");
    std::fs::write(&file, PLANTED).expect("a writable file");
    let output = Command::new("clippy-driver")
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--out-dir"])
        .arg(dir.path())
        .arg(&file)
        .env("CLIPPY_CONF_DIR", env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            // Where every change is judged, a guard that is not there is a failure.
            assert!(std::env::var_os("CI").is_none(), "clippy-driver cannot be started: {error}");
            eprintln!("SKIPPED: clippy-driver cannot be started ({error}); install the clippy component");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    for refused in ["Instant::now", "SystemTime::now", "thread::sleep", "thread::spawn", "HashMap", "HashSet", "RandomState"] {
        let count = said.lines().filter(|line| line.contains("disallowed") && line.contains(refused)).count();
        assert!(count > 0, "{refused} was not refused:\n{said}");
    }
}
