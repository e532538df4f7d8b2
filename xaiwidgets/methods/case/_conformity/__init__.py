"""The pieces of importance by leaving out."""
