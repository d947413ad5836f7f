"""Does the service do its work, and if not: whose fault is it?"""
