"""What writes pages of the repository: settings, pictures, and the site."""
