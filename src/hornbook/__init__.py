"""GPT-2 from first principles."""
