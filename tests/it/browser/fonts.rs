//! The one font that the browser of the tests has, whatever is installed beside it.

use std::path::Path;

/// A configuration of fontconfig under which every family is DejaVu Sans, drawn alike on every machine.
pub(super) fn only_ours(cache: &Path) -> String {
    let folder = Path::new(FOLDER);
    assert!(folder.join("DejaVuSans.ttf").exists(), "{FOLDER} is missing: install fonts-dejavu-core");
    format!(
        r#"<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{FOLDER}</dir>
  <cachedir>{}</cachedir>
  <match target="pattern">
    <edit name="family" mode="assign" binding="strong"><string>DejaVu Sans</string></edit>
  </match>
  <match target="font">
    <edit name="antialias" mode="assign"><bool>true</bool></edit>
    <edit name="hinting" mode="assign"><bool>false</bool></edit>
    <edit name="rgba" mode="assign"><const>none</const></edit>
  </match>
</fontconfig>
"#,
        cache.display()
    )
}

/// Where Debian's package fonts-dejavu-core puts it.
const FOLDER: &str = "/usr/share/fonts/truetype/dejavu";
