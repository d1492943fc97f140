"""From drafts of sections to `tenbin.model`: names are known now, defaults are filled in as HAProxy has them."""
