//! Marks, and who waits at them.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

const MB: u64 = 1024 * 1024;

fn used(mb: u64) -> Reading {
    Reading { used: mb * MB, limit: 100 * MB, available: None }
}

#[test]
fn g02_the_mark_is_left_lower_than_it_is_reached() {
    let pressure = Pressure::default();
    let rows = [
        (79, None, false),
        (80, None, true),
        (73, None, true),
        (71, None, false),
        (10, Some(10), true),
        (10, Some(12), false),
    ];
    for (mb, mark, expected) in rows {
        pressure.took(used(mb), mark);
        assert_eq!(pressure.memory().is_high, expected, "{mb} MB, mark {mark:?}");
    }
    assert_eq!(pressure.memory(), Memory { used: 10 * MB, limit: 100 * MB, high_water: 12 * MB, is_high: false });
}

#[test]
fn g02_while_memory_is_short_heavy_work_is_refused_and_said() {
    let pressure = Pressure::default();
    assert_eq!((pressure.refuse_heavy(), pressure.degraded()), (Ok(()), Vec::new()));
    pressure.took(used(90), None);
    assert_eq!(pressure.refuse_heavy(), Err(Scarce::Memory));
    assert_eq!(pressure.degraded(), ["memory: 90 MB in use, mark 80 MB; nothing new is begun"]);
    assert_eq!(pressure.refuse_new(), Ok(()), "what is small is still accepted");
}

#[tokio::test(start_paused = true)]
async fn g02_turns_begin_when_memory_is_there_again() {
    let pressure = Arc::new(Pressure::default());
    assert!(pressure.admit_turn().await.is_none(), "at once");
    pressure.took(used(90), None);
    let begun = Instant::now();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let pressure = pressure.clone();
            tokio::spawn(async move { pressure.admit_turn().await.is_none() })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(waiting.iter().all(|turn| !turn.is_finished()));
    pressure.took(used(50), None);
    for turn in waiting {
        assert!(turn.await.unwrap());
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn g02_when_memory_stays_short_turns_run_one_at_a_time() {
    let pressure = Arc::new(Pressure::default());
    pressure.took(used(90), None);
    let begun = Instant::now();
    let first = pressure.admit_turn().await;
    assert_eq!((first.is_some(), begun.elapsed()), (true, PATIENCE));
    let second = {
        let pressure = pressure.clone();
        tokio::spawn(async move { pressure.admit_turn().await })
    };
    tokio::time::sleep(PATIENCE * 3).await;
    assert!(!second.is_finished(), "one runs already");
    drop(first);
    assert!(second.await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn g34_what_found_the_disk_full_waits_for_room() {
    let pressure = Arc::new(Pressure::default());
    let full = Disk { used: 9, quota: 9, free: 0, level: DiskLevel::Full };
    assert_eq!(pressure.looked(full), Some(DiskLevel::Calm));
    assert_eq!(pressure.refuse_new(), Err(Scarce::Disk));
    let waiting = {
        let pressure = pressure.clone();
        tokio::spawn(async move { pressure.until_room().await })
    };
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!waiting.is_finished());
    assert_eq!(pressure.looked(Disk { level: DiskLevel::Near, ..full }), Some(DiskLevel::Full));
    waiting.await.unwrap();
    assert!(!pressure.has_room_for_extras() && pressure.refuse_new().is_ok());
}
