//! Messages on their way through Postfix's queue, and who is signed in at its servers.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use mailcup_wire::Time;

use super::{LONGEST_SENDER, shortened};
use crate::log_import::postfix::Fate;

/// Milliseconds after which what becomes of a message is not waited for any longer.
const PATIENCE: i64 = 10 * 60 * 1000;
const MOST: usize = 100_000;
const CONNECTIONS: usize = 50_000;

/// A message that somebody who signed in began.
#[derive(Debug)]
pub(super) struct Message {
    pub at: Time,
    pub print: i64,
    pub login: String,
    pub address: Option<IpAddr>,
    /// Sender, size and recipients, once it is in the queue.
    pub queued: Option<(String, u32, u32)>,
    pub bounced: u32,
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    by_queue: HashMap<Box<str>, Message>,
    order: VecDeque<(Time, Box<str>)>,
    /// By the server's process.
    connections: HashMap<Box<str>, String>,
}

impl Message {
    pub fn new(at: Time, print: i64, login: &str, address: Option<IpAddr>) -> Self {
        Self { at, print, login: login.to_owned(), address, queued: None, bounced: 0 }
    }
}

impl Messages {
    /// Answers the message that had this name before.
    pub fn begin(&mut self, queue: &str, message: Message) -> Option<Message> {
        self.order.push_back((message.at, queue.into()));
        self.by_queue.insert(queue.into(), message)
    }

    pub fn queued(&mut self, queue: &str, sender: &str, size: u32, recipients: u32) {
        if let Some(message) = self.by_queue.get_mut(queue) {
            let sender = shortened(sender, LONGEST_SENDER).to_owned();
            // It is said again at every try.
            message.queued.get_or_insert((sender, size, recipients));
        }
    }

    pub fn delivered(&mut self, queue: &str, fate: Fate) {
        if fate == Fate::Bounced
            && let Some(message) = self.by_queue.get_mut(queue)
        {
            message.bounced += 1;
        }
    }

    pub fn remove(&mut self, queue: &str) -> Option<Message> {
        self.by_queue.remove(queue)
    }

    /// A message that is waited for no longer, if there is one.
    pub fn oldest(&mut self, now: Time) -> Option<Message> {
        while let Some((at, _)) = self.order.front()
            && (self.by_queue.len() > MOST || now.as_millis() - at.as_millis() > PATIENCE)
        {
            let (at, queue) = self.order.pop_front()?;
            if self.by_queue.get(&queue).is_some_and(|message| message.at == at) {
                return self.by_queue.remove(&queue);
            }
        }
        None
    }

    /// Whether this is the first message since the client connected.
    pub fn connect(&mut self, process: &str, login: &str) -> bool {
        if self.connections.get(process).is_some_and(|known| known == login) {
            return false;
        }
        if self.connections.len() >= CONNECTIONS {
            self.connections.clear();
        }
        self.connections.insert(process.into(), login.to_owned());
        true
    }

    pub fn disconnect(&mut self, process: &str) {
        self.connections.remove(process);
    }

    /// Whose message, or whose connection, it is.
    pub fn owner(&self, queue: Option<&str>, process: &str) -> Option<String> {
        let of_message = queue.and_then(|queue| self.by_queue.get(queue)).map(|message| &message.login);
        of_message.or_else(|| self.connections.get(process)).cloned()
    }
}
