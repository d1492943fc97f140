//! The `answer_content` sets of connections: run on the first bytes of the server, while those of the client go up.

use std::task::{Context, Poll};

use super::connection::Admission;
use super::content::{go_on, take};
use crate::connection::ConnectionView;
use crate::deadline::Timer;
use crate::stream::Stream;
use crate::tables::Rule;
use crate::tunnel::Judgement;

/// A set on its way. A rule that more bytes may decide is asked again when they have come, until the delay is over.
pub struct Answered<'a> {
    view: &'a mut ConnectionView,
    set: &'a [Rule],
    index: usize,
    timer: Timer,
}

impl<'a> Answered<'a> {
    /// Begins with a set on what the server will say.
    pub fn new(view: &'a mut ConnectionView, (set, delay_ms): (&'a [Rule], u64)) -> Self {
        let timer = view.presence.worker().deadlines.timer();
        view.is_final = delay_ms == 0;
        timer.set(delay_ms);
        Self { view, set, index: 0, timer }
    }

    /// What becomes of the server's bytes.
    pub fn poll(&mut self, cx: &mut Context<'_>, server: &mut Stream) -> Poll<Judgement> {
        let admission = loop {
            if let Some(admission) = go_on(self.set, &mut self.index, self.view) {
                break admission;
            }
            match take(cx, server, &mut self.view.answered) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => self.view.is_final = true,
                Poll::Pending if self.timer.poll(cx).is_ready() => self.view.is_final = true,
                Poll::Pending => return Poll::Pending,
            }
        };
        self.timer.clear();
        self.view.is_final = false;
        let bytes = std::mem::take(&mut self.view.answered);
        Poll::Ready(match admission {
            Admission::In | Admission::Http(_) => {
                Judgement::Pass(bytes, std::mem::take(&mut self.view.throttles))
            }
            Admission::Last => Judgement::Last(bytes),
            Admission::Refused => Judgement::Refuse { silent: false },
            Admission::Dropped => Judgement::Refuse { silent: true },
        })
    }
}
