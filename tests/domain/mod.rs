//! The rules.

mod template_text;
