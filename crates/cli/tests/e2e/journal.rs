//! What the platform wrote down about its calls, read from its database while it runs.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};

use crate::demo::{Demo, eventually};

/// Every entry so far, in order.
pub(crate) fn entries(demo: &Demo) -> Vec<Value> {
    rows(&demo.data(), "SELECT entry FROM journal ORDER BY id")
        .iter()
        .map(|row| serde_json::from_str(&row[0]).expect("an entry is JSON"))
        .collect()
}

/// The refusals so far: the rule that was tried, why it failed, what to change.
pub(crate) fn refusals(demo: &Demo) -> Vec<Vec<String>> {
    rows(
        &demo.data(),
        "SELECT rule, why, change FROM refusals ORDER BY id",
    )
}

/// The outcomes of all recorded answers so far.
pub(crate) fn recorded(demo: &Demo) -> Vec<String> {
    let entries = entries(demo);
    let records = entries
        .iter()
        .filter(|entry| entry["operationKind"] == "record");
    records
        .map(|entry| entry["outcome"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Why legs ended, so far.
pub(crate) fn endings(demo: &Demo) -> Vec<String> {
    let entries = entries(demo);
    entries
        .iter()
        .filter_map(|entry| Some(entry["ending"].as_str()?.to_owned()))
        .collect()
}

/// Waits until so many calls are over, and gives why each ended.
#[track_caller]
pub(crate) fn wait_for_endings(demo: &Demo, count: usize) -> Vec<String> {
    eventually("the calls are over", Duration::from_secs(40), || {
        endings(demo).len() >= count
    });
    endings(demo)
}

fn rows(data: &Path, query: &'static str) -> Vec<Vec<String>> {
    let file = data.join("offhook.db");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .expect("a runtime for the database")
        .block_on(async {
            let options = SqliteConnectOptions::new().filename(&file).read_only(true);
            let mut database = options
                .connect()
                .await
                .expect("the platform's database can be read");
            let rows = sqlx::query(query)
                .fetch_all(&mut database)
                .await
                .expect("the tables are there");
            rows.iter()
                .map(|row| (0..row.len()).map(|column| row.get(column)).collect())
                .collect()
        })
}
