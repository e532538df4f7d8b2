"""The gallery: every explanation as a web page, served by Voilà."""
