"""From a chat request's tokens to its answer: one thread decodes for all who ask."""
