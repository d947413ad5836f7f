"""The words in which an agent file declares its service: data, nothing that acts."""
