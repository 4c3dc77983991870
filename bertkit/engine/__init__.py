"""Recipe in, result out: plain functions and classes that neither print nor exit."""
