"""Where files are: the project's folder, an object store, an SFTP server."""
