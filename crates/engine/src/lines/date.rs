//! Dates in the forms of logs. The text of a second is made once and then copied.

use std::io::Write as _;

use super::zone::Zone;

/// One second in all its forms.
#[derive(Clone, Default)]
struct Texts {
    second: u64,
    /// `21/Nov/2026:13:35:32` here.
    common: Vec<u8>,
    /// The same in UTC.
    common_utc: Vec<u8>,
    /// `Nov 21 13:35:32`.
    syslog: Vec<u8>,
    /// `2026-11-21T13:35:32`.
    iso: Vec<u8>,
    /// `+0000`.
    zone: Vec<u8>,
    /// `+00:00`.
    zone_iso: Vec<u8>,
}

/// The seconds that were asked for last.
#[derive(Default)]
pub struct Dates {
    zone: Zone,
    recent: [Texts; 4],
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Dates {
    /// Dates as they are told here.
    pub fn here() -> Self {
        Self { zone: Zone::here(), ..Self::default() }
    }

    /// `21/Nov/2026:13:35:32.320`, local.
    pub fn with_millis(&mut self, micros: u64, out: &mut Vec<u8>) {
        let millis = micros / 1000 % 1000;
        let texts = self.texts(micros);
        out.extend_from_slice(&texts.common);
        digits(out, b'.', millis, 3);
    }

    /// Seconds that local time is ahead of UTC.
    pub fn offset(&self, second: u64) -> i64 {
        self.zone.offset(second)
    }

    /// `21/Nov/2026:13:35:32 +0000`, local or in UTC.
    pub fn with_zone(&mut self, micros: u64, local: bool, out: &mut Vec<u8>) {
        let texts = self.texts(micros);
        let (date, zone): (&[u8], &[u8]) =
            if local { (&texts.common, &texts.zone) } else { (&texts.common_utc, b"+0000") };
        out.extend_from_slice(date);
        out.push(b' ');
        out.extend_from_slice(zone);
    }

    /// `Nov 21 13:35:32`, local.
    pub fn syslog(&mut self, micros: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.texts(micros).syslog);
    }

    /// `2026-11-21T13:35:32.321104+00:00`, local.
    pub fn iso(&mut self, micros: u64, out: &mut Vec<u8>) {
        let texts = self.texts(micros);
        out.extend_from_slice(&texts.iso);
        digits(out, b'.', micros % 1_000_000, 6);
        out.extend_from_slice(&texts.zone_iso);
    }

    fn texts(&mut self, micros: u64) -> &Texts {
        let second = micros / 1_000_000;
        let [first, second_place, third, fourth] = &mut self.recent;
        let texts = match second % 4 {
            0 => first,
            1 => second_place,
            2 => third,
            _ => fourth,
        };
        if texts.second != second {
            *texts = Texts::of(second, self.zone.offset(second));
        }
        texts
    }
}

impl Texts {
    fn of(second: u64, offset: i64) -> Self {
        let local = second.saturating_add_signed(offset);
        let (year, month, day) = date(local / 86_400);
        let (hour, minute, of_minute) = (local / 3600 % 24, local / 60 % 60, local % 60);
        let name = |month: u64| MONTHS.get(month as usize - 1).copied().unwrap_or_default();
        let clock = format!("{hour:02}:{minute:02}:{of_minute:02}");
        let utc = {
            let (year, month, day) = date(second / 86_400);
            let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
            format!("{day:02}/{}/{year}:{hour:02}:{minute:02}:{of_minute:02}", name(month))
        };
        let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
        let (zone_hour, zone_minute) = (size / 3600, size / 60 % 60);
        Self {
            second,
            common: format!("{day:02}/{}/{year}:{clock}", name(month)).into_bytes(),
            common_utc: utc.into_bytes(),
            syslog: format!("{} {day:2} {clock}", name(month)).into_bytes(),
            iso: format!("{year:04}-{month:02}-{day:02}T{clock}").into_bytes(),
            zone: format!("{sign}{zone_hour:02}{zone_minute:02}").into_bytes(),
            zone_iso: format!("{sign}{zone_hour:02}:{zone_minute:02}").into_bytes(),
        }
    }
}

/// A mark and a number with so many digits.
pub fn digits(out: &mut Vec<u8>, mark: u8, number: u64, width: usize) {
    out.push(mark);
    // Writing into a vector cannot fail.
    let _ = write!(out, "{number:0width$}");
}

/// Year, month and day of a day since 1970-01-01, by the civil-from-days rule of the proleptic Gregorian calendar.
pub fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (days, expected) in
            [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (20_513, (2026, 3, 1)), (59, (1970, 3, 1))]
        {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn every_form_tells_the_same_second() {
        let mut dates = Dates::default();
        let mut told = |write: &dyn Fn(&mut Dates, &mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut dates, &mut out);
            String::from_utf8(out).unwrap()
        };
        let moment = 1_772_330_405_000_042;
        assert_eq!(told(&|dates, out| dates.with_millis(moment + 7000, out)), "01/Mar/2026:02:00:05.007");
        assert_eq!(told(&|dates, out| dates.with_zone(moment, true, out)), "01/Mar/2026:02:00:05 +0000");
        assert_eq!(told(&|dates, out| dates.with_zone(moment, false, out)), "01/Mar/2026:02:00:05 +0000");
        assert_eq!(told(&|dates, out| dates.syslog(moment, out)), "Mar  1 02:00:05");
        assert_eq!(told(&|dates, out| dates.iso(moment, out)), "2026-03-01T02:00:05.000042+00:00");
        let texts = Texts::of(1_772_330_405, -12_600);
        assert_eq!((texts.syslog, texts.zone), (b"Feb 28 22:30:05".to_vec(), b"-0330".to_vec()));
    }
}
