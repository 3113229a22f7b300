#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailcup_fuzz::shown_mail(bytes));
