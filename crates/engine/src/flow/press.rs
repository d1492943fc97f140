//! Press: makes a body smaller while it goes through.
//!
//! Owns: one stream of deflate with what stands around it, and a worker's presses. Does not own: which answers go
//! through one (`http::compress`), and framing (`flow`).

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::{Flow, Sink};
use crate::spares::Spares;
use crate::wire::Coding;

/// Presses of one worker at work at once: each holds about 300 KiB. Further answers leave as they are.
const MOST_PRESSES: usize = 256;

/// Presses kept for reuse by a worker.
const SPARE_PRESSES: usize = 16;

/// Room that is made for what comes out, at a time.
const ROOM: usize = 4096;

/// Little is lost by the fastest level, and much time saved.
const LEVEL: u32 = 1;

/// Buffers full that go through a press before others have their turn.
const PIECES: u32 = 4;

/// A member of gzip without name and time (RFC 1952, 2.3), made by the fastest way, on Unix.
const GZIP_START: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3];

/// A stream of zlib with a window of 32 KiB (RFC 1950, 2.2), made by the fastest way.
const ZLIB_START: [u8; 2] = [0x78, 0x01];

/// A worker's presses.
pub struct Presses {
    spares: Spares<Box<Press>>,
    working: Rc<Cell<usize>>,
}

/// One body on its way.
pub struct Press {
    coding: Coding,
    /// None: the body stays as it is.
    engine: Option<Compress>,
    out: Vec<u8>,
    crc: Crc,
    adler: Adler,
    has_begun: bool,
    /// It has taken what the receiver cannot have yet.
    is_behind: bool,
    made: u64,
    /// None while it is spare.
    at_work: Option<AtWork>,
}

/// Counts one while it lives.
struct AtWork(Rc<Cell<usize>>);

impl Default for Presses {
    fn default() -> Self {
        Self { spares: Spares::new(SPARE_PRESSES), working: Rc::default() }
    }
}

impl Presses {
    /// One for this coding; None while too many are at work.
    pub fn take(&self, coding: Coding) -> Option<Box<Press>> {
        if self.working.get() >= MOST_PRESSES {
            return None;
        }
        let mut press = match coding {
            Coding::Identity => Box::new(Press::new(None)),
            _ => self
                .spares
                .take()
                .unwrap_or_else(|| Box::new(Press::new(Some(Compress::new(Compression::new(LEVEL), false))))),
        };
        press.begin(coding);
        press.at_work = Some(AtWork::new(&self.working));
        Some(press)
    }

    /// Gives one back.
    pub fn put(&self, mut press: Box<Press>) {
        press.at_work = None;
        if press.engine.is_some() && press.out.capacity() <= 16 * ROOM {
            self.spares.put(press);
        }
    }

    /// Lets go of those that were not needed lately.
    pub fn look(&self) {
        self.spares.look();
    }
}

impl Press {
    /// What came out and was not taken yet.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    /// Bytes that came out so far.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Whether bodies go through it as they are.
    pub fn is_idle(&self) -> bool {
        self.engine.is_none()
    }

    /// What came out has been taken.
    pub fn taken(&mut self) {
        self.out.clear();
    }

    /// The next piece of the body, which may be its last.
    pub fn push(&mut self, data: &[u8], is_last: bool) {
        let before = self.out.len();
        self.start();
        match self.coding {
            Coding::Gzip => self.crc.update(data),
            Coding::Deflate => self.adler.update(data),
            Coding::Identity => self.out.extend_from_slice(data),
            Coding::RawDeflate => {}
        }
        self.is_behind = !is_last && self.engine.is_some();
        self.run(data, if is_last { FlushCompress::Finish } else { FlushCompress::None });
        if is_last {
            self.finish();
        }
        self.made += (self.out.len() - before) as u64;
    }

    /// Lets the receiver have all that was pushed; false if it has it already.
    pub fn flush(&mut self) -> bool {
        if !std::mem::take(&mut self.is_behind) {
            return false;
        }
        let before = self.out.len();
        self.run(&[], FlushCompress::Sync);
        self.made += (self.out.len() - before) as u64;
        true
    }

    fn new(engine: Option<Compress>) -> Self {
        Self {
            coding: Coding::Identity,
            engine,
            out: Vec::new(),
            crc: Crc::new(),
            adler: Adler::default(),
            has_begun: false,
            is_behind: false,
            made: 0,
            at_work: None,
        }
    }

    fn begin(&mut self, coding: Coding) {
        self.coding = coding;
        self.out.clear();
        self.crc.reset();
        self.adler = Adler::default();
        (self.has_begun, self.is_behind, self.made) = (false, false, 0);
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }

    fn start(&mut self) {
        if !std::mem::replace(&mut self.has_begun, true) {
            match self.coding {
                Coding::Gzip => self.out.extend_from_slice(&GZIP_START),
                Coding::Deflate => self.out.extend_from_slice(&ZLIB_START),
                Coding::Identity | Coding::RawDeflate => {}
            }
        }
    }

    fn finish(&mut self) {
        match self.coding {
            Coding::Gzip => {
                self.out.extend_from_slice(&self.crc.sum().to_le_bytes());
                self.out.extend_from_slice(&self.crc.amount().to_le_bytes());
            }
            Coding::Deflate => self.out.extend_from_slice(&self.adler.sum().to_be_bytes()),
            Coding::Identity | Coding::RawDeflate => {}
        }
    }

    fn run(&mut self, mut data: &[u8], flush: FlushCompress) {
        let Some(engine) = &mut self.engine else { return };
        loop {
            self.out.reserve(ROOM);
            let before = engine.total_in();
            let status = engine.compress_vec(data, &mut self.out, flush);
            data = data.get((engine.total_in() - before) as usize..).unwrap_or_default();
            // Room that is left says that nothing more is to come.
            let is_done = data.is_empty() && self.out.len() < self.out.capacity();
            if is_done || !matches!(status, Ok(Status::Ok)) {
                return;
            }
        }
    }
}

impl AtWork {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Flow {
    /// Lets others have their turn now and then: what goes through a press takes long.
    pub(super) fn poll_turn(&self, cx: &Context<'_>, pieces: &mut u32) -> Poll<()> {
        *pieces += u32::from(self.press.is_some());
        if *pieces <= PIECES {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Stages what is still in the press; false if there is nothing.
    pub(super) fn flush_press(&mut self) -> bool {
        let is_flushed = self.press.as_mut().is_some_and(|press| press.flush());
        if is_flushed && self.sink == Sink::Chunked {
            self.frame();
        }
        is_flushed
    }
}

/// The check of zlib (RFC 1950, 8.2).
struct Adler(u32, u32);

impl Default for Adler {
    fn default() -> Self {
        Self(1, 0)
    }
}

impl Adler {
    fn update(&mut self, data: &[u8]) {
        const BASE: u32 = 65_521;
        // So many bytes cannot carry over 32 bits.
        for piece in data.chunks(5_552) {
            for byte in piece {
                self.0 += u32::from(*byte);
                self.1 += self.0;
            }
            self.0 %= BASE;
            self.1 %= BASE;
        }
    }

    fn sum(&self) -> u32 {
        self.1 << 16 | self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};

    use super::*;

    fn opened(coding: Coding, pressed: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        match coding {
            Coding::Identity => return pressed.to_vec(),
            Coding::Gzip => GzDecoder::new(pressed).read_to_end(&mut body),
            Coding::Deflate => ZlibDecoder::new(pressed).read_to_end(&mut body),
            Coding::RawDeflate => DeflateDecoder::new(pressed).read_to_end(&mut body),
        }
        .unwrap();
        body
    }

    /// Half of it repeats itself, half does not.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|at| if at / 1000 % 2 == 0 { b"tenbin "[at % 7] } else { next() }).collect()
    }

    #[test]
    fn what_goes_in_comes_out_whatever_the_pieces() {
        let presses = Presses::default();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::RawDeflate, Coding::Identity] {
            for (length, piece) in [(0, 1), (1, 1), (10_000, 7), (300_000, 16_384), (2_000_000, 2_000_000)] {
                let (body, mut packed) = (sample(length), Vec::new());
                let mut press = presses.take(coding).unwrap();
                for (number, piece) in body.chunks(piece).enumerate() {
                    press.push(piece, false);
                    assert!(number % 100 > 0 || press.flush() == (coding != Coding::Identity));
                    packed.extend_from_slice(press.out());
                    press.taken();
                }
                press.push(b"", true);
                packed.extend_from_slice(press.out());
                assert_eq!(press.made(), packed.len() as u64);
                presses.put(press);
                assert!(opened(coding, &packed) == body, "{coding:?} {length} {piece}");
            }
        }
    }

    #[test]
    fn what_was_flushed_can_be_read_before_the_end() {
        let mut press = Presses::default().take(Coding::RawDeflate).unwrap();
        press.push(b"first line\n", false);
        assert!(press.flush() && !press.flush());
        let mut body = [0; 11];
        DeflateDecoder::new(press.out()).read_exact(&mut body).unwrap();
        assert_eq!(&body, b"first line\n");
    }

    #[test]
    fn there_are_only_so_many_at_work() {
        let presses = Presses::default();
        let mut working: Vec<_> = (0..MOST_PRESSES).map_while(|_| presses.take(Coding::Gzip)).collect();
        assert!(working.len() == MOST_PRESSES && presses.take(Coding::Gzip).is_none());
        drop(working.pop());
        let last = presses.take(Coding::Gzip).unwrap();
        assert!(presses.take(Coding::Gzip).is_none());
        presses.put(last);
        assert!(presses.take(Coding::Gzip).is_some());
    }
}
