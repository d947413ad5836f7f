"""Manual pages of the agents, from their meta-data; packaging/man-pages is the program.

described   what an agent says of itself, as objects
page        the sections of its page
examples    commands that create a resource of it
roff        text and layout in the language of man(7)
"""
