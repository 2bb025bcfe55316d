"""Text as numbers; numpy and tokenizers alone."""
