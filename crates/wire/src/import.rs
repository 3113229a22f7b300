use crate::{Bytes, wire};

wire! {
    /// What came of reading logs of Dovecot and Postfix.
    #[derive(Default)]
    #[serde(default)]
    pub struct ImportReport {
        /// Unpacked.
        pub bytes: Bytes,
        pub lines: u32,
        pub found: ImportFound,
        pub ignored: ImportIgnored,
        /// The last line of a log that is still being written; it is read when it is whole.
        pub cut_off: u32,
        /// Lines that should say something about a sign-in or a submission, and don't say it in a known way.
        pub not_understood: u32,
        /// The most frequent of them.
        pub shapes: Vec<ImportShape>,
        pub events: ImportEvents,
    }

    /// Events that lines tell of.
    #[derive(Copy, Default)]
    #[serde(default)]
    pub struct ImportFound {
        pub signed_in: u32,
        pub failed: u32,
        pub accepted: u32,
        pub refused: u32,
    }

    /// Lines that are known to tell nothing about sign-ins and submissions.
    #[derive(Copy, Default)]
    #[serde(default)]
    pub struct ImportIgnored {
        pub dovecot: u32,
        pub postfix: u32,
        /// Of other programs.
        pub others: u32,
    }

    /// Lines that look alike.
    pub struct ImportShape {
        pub lines: u32,
        /// At most five, without names and addresses.
        pub examples: Vec<String>,
    }

    /// What became of the events.
    #[derive(Copy, Eq, Default)]
    #[serde(default)]
    pub struct ImportEvents {
        pub stored: u32,
        /// They came with an import before.
        pub known: u32,
        /// From before the days that events are kept.
        pub too_old: u32,
        /// From when the service itself recorded already what the mail server does.
        pub recorded: u32,
        /// From the future: the year of the log is probably another one.
        pub future: u32,
    }
}

impl std::ops::AddAssign for ImportEvents {
    fn add_assign(&mut self, more: Self) {
        self.stored = self.stored.saturating_add(more.stored);
        self.known = self.known.saturating_add(more.known);
        self.too_old = self.too_old.saturating_add(more.too_old);
        self.recorded = self.recorded.saturating_add(more.recorded);
        self.future = self.future.saturating_add(more.future);
    }
}
