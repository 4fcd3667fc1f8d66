//! Matrices of latencies between regions.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The matrices that are part of the program: name, content, whether it holds round trips. Sources are named in `data/README.md`.
const EMBEDDED: [(&str, &str, bool); 2] = [
    ("aws-11", include_str!("../../data/aws-11region-rtt-ms-2019-01.csv"), true),
    ("libp2p-8", include_str!("../../data/libp2p-8region-oneway-ms.csv"), false),
];

/// One-way latencies between regions.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    regions: Vec<String>,
    latencies: Vec<Duration>,
}

/// Longest file that is read: a thousand regions.
const MAX_BYTES: u64 = 8 << 20;

/// Why a matrix cannot be used.
#[derive(thiserror::Error, Debug)]
pub enum MatrixError {
    /// The file cannot be read.
    #[error("the latency matrix `{name}` is none of {} and cannot be read as a file: {source}", Matrix::embedded_names().join(", "))]
    Unreadable {
        /// What it is called in the scenario.
        name: String,
        /// Why.
        source: csv::Error,
    },
    /// A row is not what it must be.
    #[error("the latency matrix `{name}`, row {row}: {problem}")]
    Malformed {
        /// What it is called in the scenario.
        name: String,
        /// Which row, the header being 1.
        row: usize,
        /// What is wrong.
        problem: String,
    },
}

impl Matrix {
    /// The names of the matrices that are part of the program.
    pub fn embedded_names() -> [&'static str; EMBEDDED.len()] {
        EMBEDDED.map(|(name, ..)| name)
    }

    /// The embedded matrix of that name, else the CSV file at that path, relative to `base`. Values are milliseconds; of round
    /// trips half is taken. Embedded matrices know themselves what they hold.
    ///
    /// # Errors
    /// [`MatrixError`] if there is no such file, or it is not a square of latencies.
    pub fn load(name: &str, round_trip: bool, base: &Path) -> Result<Self, MatrixError> {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).trim(csv::Trim::All).comment(Some(b'#'));
        if let Some((_, content, halve)) = EMBEDDED.iter().find(|(embedded, ..)| *embedded == name) {
            return parse(name, builder.from_reader(content.as_bytes()).records(), *halve);
        }
        let path: PathBuf = base.join(name);
        let unreadable = |error: std::io::Error| MatrixError::Unreadable { name: name.into(), source: error.into() };
        let mut bytes = Vec::new();
        std::fs::File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            let problem = format!("the file is longer than {MAX_BYTES} bytes, the most that a matrix may have");
            return Err(MatrixError::Malformed { name: name.into(), row: 1, problem });
        }
        parse(name, builder.from_reader(&*bytes).records(), round_trip)
    }

    /// The names of the regions.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    /// The latency from one region to another, by index.
    pub fn latency(&self, from: usize, to: usize) -> Duration {
        self.latencies[from * self.regions.len() + to]
    }
}

fn parse(name: &str, rows: impl Iterator<Item = csv::Result<csv::StringRecord>>, halve: bool) -> Result<Matrix, MatrixError> {
    let unreadable = |source| MatrixError::Unreadable { name: name.into(), source };
    let malformed = |row: usize, problem: String| MatrixError::Malformed { name: name.into(), row, problem };
    let mut rows = rows.zip(1..);
    let Some((header, _)) = rows.next() else { return Err(malformed(1, "there is no header".into())) };
    let header = header.map_err(unreadable)?;
    let columns: Vec<usize> = (1..header.len()).filter(|column| &header[*column] != "weight").collect();
    let regions: Vec<String> = columns.iter().map(|column| header[*column].to_owned()).collect();
    if regions.is_empty() {
        return Err(malformed(1, "it names no region".into()));
    }
    let mut latencies = Vec::with_capacity(regions.len() * regions.len());
    for (region, (record, row)) in regions.iter().zip(rows.by_ref()) {
        let record = record.map_err(unreadable)?;
        if record.get(0) != Some(region) {
            return Err(malformed(row, format!("the region must be `{region}`, as in the header")));
        }
        for column in &columns {
            let value = record.get(*column).unwrap_or_default();
            let millis = value.parse::<f64>().ok().filter(|millis| (0.0..=3_600_000.0).contains(millis));
            let millis = millis.ok_or_else(|| malformed(row, format!("`{value}` is not a latency in milliseconds")))?;
            latencies.push(Duration::from_secs_f64(millis / if halve { 2000.0 } else { 1000.0 }));
        }
    }
    if latencies.len() != regions.len() * regions.len() || rows.next().is_some() {
        return Err(malformed(regions.len() + 1, format!("there must be one row for each of the {} regions", regions.len())));
    }
    Ok(Matrix { regions, latencies })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(matrix: &Matrix, from: &str, to: &str) -> Duration {
        let index = |name: &str| matrix.regions().iter().position(|region| region == name).unwrap();
        matrix.latency(index(from), index(to))
    }

    #[test]
    fn embedded_matrices_are_one_way() {
        let aws = Matrix::load("aws-11", true, Path::new("")).unwrap();
        assert_eq!(aws.regions().len(), 11);
        assert_eq!(latency(&aws, "Virginia", "Frankfurt"), Duration::from_millis(44));
        assert_eq!(Matrix::load("aws-11", false, Path::new("")).unwrap(), aws, "it knows itself that it holds round trips");
        let libp2p = Matrix::load("libp2p-8", false, Path::new("")).unwrap();
        assert_eq!(libp2p.regions().len(), 8);
        assert_eq!(latency(&libp2p, "australia", "europe"), Duration::from_millis(165));
    }

    #[test]
    fn files_are_read_and_their_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let load = |content: &str| {
            std::fs::write(folder.path().join("m.csv"), content).unwrap();
            Matrix::load("m.csv", true, folder.path())
        };
        assert_eq!(latency(&load("region,a,b\na,1,20\nb,30,1\n").unwrap(), "b", "a"), Duration::from_millis(15));
        for bad in ["", "region\n", "region,a,b\na,1,2\n", "region,a\nb,1\n", "region,a\na,-1\n", "region,a\na,x\n", "region,a\na,1\nb,1\n"]
        {
            assert!(matches!(load(bad), Err(MatrixError::Malformed { .. })), "{bad:?}");
        }
        assert!(load("region,a\na,nan\n").unwrap_err().to_string().contains("row 2: `nan`"));
        assert!(Matrix::load("aws-12", false, folder.path()).unwrap_err().to_string().contains("aws-11, libp2p-8"));
    }
}
