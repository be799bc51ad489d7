"""Backups of the database and the bucket in a folder, and their way back.

A backup is one snapshot of the database and every object that its rows name. Objects are never changed once stored, so
that a second backup into the same folder copies only new ones, and one that was cut off goes on where it was. The
manifest is replaced last: until then the folder holds the backup of before, whole.
"""
