/// Numbered texts in one piece of memory. A number that was never set has an empty text.
#[derive(Default)]
pub struct Texts {
    text: String,
    spans: Vec<(u32, u32)>,
}

impl Texts {
    pub fn set(&mut self, no: i64, text: &str) {
        let Ok(place) = usize::try_from(no) else { return };
        if self.spans.len() <= place {
            self.spans.resize(place + 1, (0, 0));
        }
        let begin = self.text.len();
        self.text.push_str(text);
        let span = (u32::try_from(begin), u32::try_from(self.text.len()));
        if let (Ok(begin), Ok(end)) = span {
            self.spans[place] = (begin, end);
        }
    }

    pub fn get(&self, no: usize) -> &str {
        let (begin, end) = self.spans.get(no).copied().unwrap_or_default();
        &self.text[begin as usize..end as usize]
    }

    /// One more than the largest number.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// In order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|no| self.get(no))
    }
}
