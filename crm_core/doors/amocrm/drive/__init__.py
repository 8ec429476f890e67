"""Files that programs bring: sessions in which they come part by part, the files themselves, and what they lie on."""
