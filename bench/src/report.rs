//! What benchmarks hand over: figures in tables, for people to read and to keep.

use std::fmt;
use std::time::Duration;

/// One table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    title: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One figure.
#[derive(Clone, Debug)]
struct Row {
    what: String,
    value: String,
    beside: String,
    ratio: Option<f64>,
    most: Option<f64>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// A figure that stands for itself.
    pub(crate) fn figure(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.push(what.into(), value.into(), String::new(), None, None);
    }

    /// A figure beside its floor or peer, and the greatest ratio that is aimed at, if any.
    pub(crate) fn ratio(
        &mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        beside: impl Into<String>,
        ratio: f64,
        most: Option<f64>,
    ) {
        self.push(what.into(), value.into(), beside.into(), Some(ratio), most);
    }

    /// A remark below the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The targets that were missed.
    pub(crate) fn missed(&self) -> impl Iterator<Item = String> + '_ {
        self.rows.iter().filter(|row| row.missed()).map(|row| {
            let (ratio, most) = (row.ratio.unwrap_or_default(), row.most.unwrap_or_default());
            format!(
                "{}: {}: {ratio:.2}, at most {most} is aimed at",
                self.title, row.what
            )
        })
    }

    fn push(
        &mut self,
        what: String,
        value: String,
        beside: String,
        ratio: Option<f64>,
        most: Option<f64>,
    ) {
        self.rows.push(Row {
            what,
            value,
            beside,
            ratio,
            most,
        });
    }
}

impl Row {
    fn missed(&self) -> bool {
        self.ratio
            .zip(self.most)
            .is_some_and(|(ratio, most)| ratio > most)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Row) -> &str| {
            self.rows
                .iter()
                .map(|row| of(row).chars().count())
                .max()
                .unwrap_or_default()
        };
        let (what, value) = (width(|row| &row.what), width(|row| &row.value));
        let beside = width(|row| &row.beside);
        writeln!(f, "{}", self.title)?;
        for row in &self.rows {
            write!(
                f,
                "  {:<what$}  {:>value$}  {:<beside$}",
                row.what, row.value, row.beside
            )?;
            if let Some(ratio) = row.ratio {
                write!(f, "  {ratio:>6.2} ×")?;
            }
            if let Some(most) = row.most {
                write!(
                    f,
                    "  ≤ {most} {}",
                    if row.missed() { "MISSED" } else { "ok" }
                )?;
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

/// Seconds, for people.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// Milliseconds, for people.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// The value below which `percent` of the values are.
pub(crate) fn percentile(values: &[Duration], percent: usize) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort();
    // The nearest rank, so that p50 of one value is that value and p99 of 100 is the 99th.
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

/// The middle one of some figures; 0 of none. What disturbed one of them does not count.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The least value: what something takes where nothing else disturbs it.
pub(crate) fn fastest(values: &[Duration]) -> Duration {
    values.iter().min().copied().unwrap_or_default()
}

/// How often `floor` goes into `value`.
pub(crate) fn times(value: Duration, floor: Duration) -> f64 {
    value.as_secs_f64() / floor.as_secs_f64()
}
