//! What the data plane tells the control plane unasked; a full queue drops and counts, it never blocks.

use std::sync::mpsc::SyncSender;

use crate::wire::{Event, NoticeLevel};

/// Where events go; clones go to the same place.
#[derive(Clone)]
pub struct Notices {
    events: SyncSender<Event>,
}

impl Notices {
    /// Sends into this queue.
    pub fn new(events: SyncSender<Event>) -> Self {
        Self { events }
    }

    /// Tells an event; false when there was no room.
    pub fn tell(&self, event: Event) -> bool {
        self.events.try_send(event).is_ok()
    }

    /// Tells a sentence.
    pub fn say(&self, level: NoticeLevel, text: impl Into<String>) {
        self.tell(Event::Notice { level, text: text.into() });
    }
}
