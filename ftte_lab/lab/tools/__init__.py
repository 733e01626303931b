"""The tools of a page: each answers the script of its name and reaches the Lab through a `Host`."""
