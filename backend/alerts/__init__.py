"""Who hears what, when and in which words: what people choose on their phone, what rings by itself,
what the staff writes, and the same news by calendar and by mail."""
