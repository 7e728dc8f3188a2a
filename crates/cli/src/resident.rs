//! Memory that the process holds without using it: what the allocator keeps of work that is over, and code that ran once.
//!
//! The only place that tells the kernel and the C library how to keep memory. Nothing here changes what any memory holds.

use std::time::Duration;

use tokio::runtime::Handle;

/// How often the gateway looks whether there is something to give back.
const LOOK: Duration = Duration::from_secs(1);

/// Work of all workers between two looks after which the allocator may hold something: a turn, not a heartbeat.
const WORK: Duration = Duration::from_millis(5);

/// Looks without work after which threads for work on files have left: each waits a second for more
/// ([`GATEWAY_BLOCKING_KEPT`](crate::context::GATEWAY_BLOCKING_KEPT)), and the first look asked one of them to give back.
const LEFT: u32 = 3;

/// Threads share two heaps. By default glibc gives each thread one of its own and keeps what the largest turn needed in each;
/// musl has one heap and no such switch.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the switch is a C function; nothing else runs yet")]
pub(crate) fn share_heaps() {
    // SAFETY: called first thing in `main`, before any other thread; it changes a number of the allocator.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
}

#[cfg(not(target_env = "gnu"))]
pub(crate) fn share_heaps() {}

/// Gives back as long as the gateway runs: after each time with work what was freed, again when the threads that shared in it have
/// left, and once, when the start is over, its code.
pub(crate) async fn give_back() {
    let mut seen = Duration::ZERO;
    let mut quiet_looks = 0_u32;
    let mut is_starting = true;
    loop {
        tokio::time::sleep(LOOK).await;
        let busy = busy_time();
        quiet_looks = if busy.saturating_sub(seen) >= WORK { 0 } else { quiet_looks.saturating_add(1) };
        seen = busy;
        let is_start_over = is_starting && quiet_looks > 0;
        if matches!(quiet_looks, 0 | LEFT) || is_start_over {
            // Both take a millisecond or two, which no worker should spend.
            let given = tokio::task::spawn_blocking(move || {
                give_back_freed();
                if is_start_over {
                    give_back_code();
                }
            });
            let _ = given.await;
        }
        is_starting &= !is_start_over;
    }
}

fn busy_time() -> Duration {
    let metrics = Handle::current().metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}

/// Thirty turns at once leave thirty megabytes of holes between what is still in use; glibc would keep them for the next thirty.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "a C function")]
fn give_back_freed() {
    // SAFETY: it may be called at any time and by any thread; it touches only what is freed.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn give_back_freed() {}

/// Most of what a start runs through (reading the configuration, its schema, migrations) does not run again. What does comes back
/// from the file when it is called.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "advice to the kernel is given by address")]
fn give_back_code() {
    let (Ok(maps), Ok(program)) = (std::fs::read_to_string("/proc/self/maps"), std::fs::read_link("/proc/self/exe"))
    else {
        return;
    };
    for line in maps.lines().filter(|line| line.ends_with(&*program.to_string_lossy())) {
        let Some((first, last, rights)) = mapping(line) else { continue };
        let address = std::ptr::with_exposed_provenance_mut(first);
        if !rights.contains('w') {
            // SAFETY: pages that are given up like this come back as they were, whatever they hold. A kernel that does not know
            // the advice, or does not let this user give up pages of the file, does nothing.
            unsafe { libc::madvise(address, last - first, libc::MADV_PAGEOUT) };
        }
        if rights.contains('x') {
            // SAFETY: nobody writes to code, so that every page of it is in the file as it is here. This is for users to whom the
            // file does not belong.
            unsafe { libc::madvise(address, last - first, libc::MADV_DONTNEED) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn give_back_code() {}

/// First address, address behind the last, and rights of a line of `/proc/self/maps`.
#[cfg(target_os = "linux")]
fn mapping(line: &str) -> Option<(usize, usize, &str)> {
    let mut fields = line.split_whitespace();
    let (first, last) = fields.next()?.split_once('-')?;
    let address = |text: &str| usize::from_str_radix(text, 16).ok();
    Some((address(first)?, address(last)?, fields.next()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read() {
        let line = "5608690d9000-56086993f000 r-xp 00865000 fe:00 10012670                   /usr/bin/chela";
        assert_eq!(mapping(line), Some((0x5608_690d_9000, 0x5608_6993_f000, "r-xp")));
        assert_eq!(mapping("not a mapping"), None);
    }

    #[test]
    fn code_that_was_given_back_still_runs() {
        give_back_freed();
        give_back_code();
        assert_eq!(format!("{:?}", "still here".split(' ').collect::<Vec<_>>()), r#"["still", "here"]"#);
    }
}
