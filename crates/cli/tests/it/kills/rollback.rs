//! Back to the version before an upgrade, with the binary.

use std::os::unix::fs::FileExt as _;

use chela_store::DATABASE_FILE;

use super::house::{House, Talk, WIRES};

/// Where SQLite keeps a database's schema version: four bytes, the highest first.
const USER_VERSION_AT: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn g16_after_a_rollback_the_version_before_starts_with_its_data() {
    let house = House::new(WIRES[0]).await;
    let gateway = house.start();
    assert_eq!(Talk::new(&gateway).await.ask("text1").await.unwrap()["status"], "ok");
    let refused = house.home.run(&["state", "rollback"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(&format!("pid {}", gateway.pid())), "never under a running gateway: {refused:?}");
    assert_eq!(gateway.stop(), Some(0));

    // What a newer program leaves behind: its snapshot, and a database of a version that this one doesn't know.
    let database = house.home.state_dir().join(DATABASE_FILE);
    std::fs::copy(&database, database.with_extension("db.v1.bak")).unwrap();
    let newer = std::fs::OpenOptions::new().write(true).open(&database).unwrap();
    newer.write_all_at(&99_u32.to_be_bytes(), USER_VERSION_AT).unwrap();
    let refused = house.home.run(&["gateway", "--port", "0", "--bind", "loopback"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("chela state rollback"), "it says what to do: {refused:?}");

    assert!(house.home.run(&["state", "rollback"]).ok().contains("format 1"));
    let gateway = house.start();
    let talk = Talk::new(&gateway).await;
    talk.assert_once("text1", "after the rollback").await;
    assert_eq!(talk.ask("text2").await.unwrap()["status"], "ok");
    assert!(database.with_extension("db.v99.replaced").exists(), "the newer one is set aside");
}
