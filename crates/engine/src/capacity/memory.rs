//! How much memory is used of what there may be: of the control group if one sets a limit (version 1 and 2), otherwise
//! of the machine.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Bytes of a control group that no percentage takes; half of a group that has less than twice as much.
const MARGIN: u64 = 16 << 20;

/// What a connection may take at once beyond its buffers: its own state, and what the system holds for its sockets.
const CONNECTION: u64 = 16 << 10;

/// Connections that there is always room for until the next look, which refuses when that was too much.
const LEAST_ROOM: u64 = 16;

/// Where memory is measured.
pub struct Gauge {
    /// The control group with the smallest limit that holds this process.
    group: Option<Group>,
    /// Bytes: the group's limit, or the machine's memory.
    hard: u64,
}

struct Group {
    usage: PathBuf,
    stat: PathBuf,
}

/// How near the limit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is well.
    #[default]
    Calm,
    /// Above the limit: no new work.
    High,
    /// Above it by a margin: idle connections close, too.
    Severe,
}

/// Names of files of a control group: limit, usage, and the line of `memory.stat` with cache that the system takes back
/// when it needs memory.
struct Names {
    limit: &'static str,
    usage: &'static str,
    cache: &'static str,
}

const V1: Names =
    Names { limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", cache: "total_inactive_file " };
const V2: Names = Names { limit: "memory.max", usage: "memory.current", cache: "inactive_file " };

impl Gauge {
    /// Finds what limits this process.
    pub fn find() -> Self {
        let physical = physical();
        let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
        let found = smallest(&groups, Path::new("/sys/fs/cgroup"));
        match found.filter(|(limit, _)| *limit < physical) {
            Some((hard, group)) => Self { group: Some(group), hard },
            None => Self { group: None, hard: physical },
        }
    }

    /// The limit in bytes for a size, or for a percentage of what there may be; 0: none. A percentage of a control group
    /// leaves room for what comes between two looks: beyond its limit the system ends the process.
    pub fn limit(&self, size: u64, percent: u64) -> u64 {
        let share = self.hard / 100 * percent;
        match &self.group {
            _ if size > 0 => size,
            Some(_) => share.min(self.hard - MARGIN.min(self.hard / 2)),
            None => share,
        }
    }

    /// Bytes in use: of the group without cache that can be taken back, otherwise of this process.
    pub fn used(&self) -> u64 {
        let Some(group) = &self.group else { return resident() };
        let stat = read_to_string(&group.stat).unwrap_or_default();
        let cache = [V2.cache, V1.cache].iter().find_map(|name| figure(&stat, name)).unwrap_or(0);
        number(&group.usage).unwrap_or(0).saturating_sub(cache)
    }
}

impl Level {
    /// The level after a look. It is left only well below the limit, so that it does not flap.
    pub fn next(self, used: u64, limit: u64) -> Self {
        if limit == 0 {
            return Self::Calm;
        }
        // With the limit at 95 % this is 98 % of what there may be.
        let severe = limit / 95 * 98;
        match self {
            _ if used > severe => Self::Severe,
            _ if used > limit => Self::High,
            Self::High | Self::Severe if used > limit / 95 * 90 => Self::High,
            _ => Self::Calm,
        }
    }
}

/// How many more clients there is room for until the next look, when each may fill two buffers; None: any number.
pub fn room(used: u64, limit: u64, buffer: usize) -> Option<u64> {
    let each = CONNECTION + 2 * buffer as u64;
    (limit > 0).then(|| (limit.saturating_sub(used) / each).max(LEAST_ROOM))
}

/// Bytes that this process has resident.
pub fn resident() -> u64 {
    let text = read_to_string("/proc/self/status").unwrap_or_default();
    figure(&text, "VmRSS:").map_or(0, |kilobytes| kilobytes * 1024)
}

fn physical() -> u64 {
    let text = read_to_string("/proc/meminfo").unwrap_or_default();
    figure(&text, "MemTotal:").map_or(u64::MAX, |kilobytes| kilobytes * 1024)
}

/// The smallest limit of the groups that the lines of `/proc/self/cgroup` name, and of those around them.
fn smallest(lines: &str, root: &Path) -> Option<(u64, Group)> {
    let mut found: Option<(u64, Group)> = None;
    for line in lines.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, names) = match controllers {
            "" => (root.to_path_buf(), V2),
            list if list.split(',').any(|one| one == "memory") => (root.join("memory"), V1),
            _ => continue,
        };
        // Inside of a container the path may be one of the host, which is not there: then the root is what counts.
        let own = root.join(path.trim_start_matches('/'));
        for folder in own.ancestors().take_while(|folder| folder.starts_with(&root)) {
            let Some(limit) = number(&folder.join(names.limit)) else { continue };
            if found.as_ref().is_none_or(|(smallest, _)| limit < *smallest) {
                let (usage, stat) = (folder.join(names.usage), folder.join("memory.stat"));
                found = Some((limit, Group { usage, stat }));
            }
        }
    }
    found
}

/// The number in a file; None for `max`.
fn number(path: &Path) -> Option<u64> {
    read_to_string(path).ok()?.trim().parse().ok()
}

/// The number behind a name at the beginning of a line.
fn figure(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("tenbin-memory-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_smallest_limit_around_a_group_counts() {
        let files = [
            ("a/memory.max", "5000\n"),
            ("a/b/memory.max", "max\n"),
            ("a/memory.current", "700\n"),
            ("a/memory.stat", "anon 500\ninactive_file 200\n"),
        ];
        let root = folder("v2", &files);
        let (hard, group) = smallest("0::/a/b\n", &root).unwrap();
        let gauge = Gauge { group: Some(group), hard };
        assert_eq!((hard, gauge.used(), gauge.limit(0, 90), gauge.limit(7, 90)), (5000, 500, 2500, 7));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn version_1_is_read_and_a_path_of_the_host_falls_back_to_the_root() {
        let files = [
            ("memory/memory.limit_in_bytes", "9000\n"),
            ("memory/memory.usage_in_bytes", "800\n"),
            ("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 300\n"),
        ];
        let root = folder("v1", &files);
        let (hard, group) = smallest("3:cpu,cpuacct:/x\n2:memory:/docker/abc\n", &root).unwrap();
        assert_eq!((hard, number(&group.usage)), (9000, Some(800)));
        std::fs::remove_dir_all(root).unwrap();
        assert!(smallest("1:cpu:/\n", Path::new("/nowhere")).is_none());
    }

    #[test]
    fn a_group_keeps_a_margin_and_a_machine_does_not() {
        let gauge = |group, mebibytes: u64| Gauge { group, hard: mebibytes << 20 };
        let group = || Some(Group { usage: PathBuf::new(), stat: PathBuf::new() });
        let limits = [20, 64, 1000].map(|size| gauge(group(), size).limit(0, 95) >> 20);
        assert_eq!(limits, [10, 48, 950]);
        assert_eq!(gauge(group(), 64).limit(0, 0), 0, "no limit");
        assert_eq!(gauge(None, 64).limit(0, 95) >> 20, 60);
    }

    #[test]
    fn there_is_room_for_as_many_as_could_fill_their_buffers() {
        assert_eq!(room(0, 48 << 20, 16 << 10), Some(1024));
        assert_eq!(room(47 << 20, 48 << 20, 16 << 10), Some(21));
        assert_eq!(room(9, 5, 4096), Some(LEAST_ROOM));
        assert_eq!(room(9, 0, 4096), None);
    }

    #[test]
    fn a_level_is_left_well_below_the_limit() {
        let steps = [(94, Level::Calm), (96, Level::High), (93, Level::High), (99, Level::Severe)];
        let mut level = Level::Calm;
        for (percent, expected) in
            steps.into_iter().chain([(96, Level::High), (89, Level::Calm), (93, Level::Calm)])
        {
            level = level.next(percent * 1000, 95_000);
            assert_eq!(level, expected, "{percent} %");
        }
        assert_eq!(Level::Severe.next(u64::MAX, 0), Level::Calm, "no limit");
    }
}
