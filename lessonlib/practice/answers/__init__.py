"""From the tokens of a chat request to its answer. One thread decodes for everyone who asks."""
