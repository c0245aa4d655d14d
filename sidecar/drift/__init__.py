"""Drift: whether what an application is asked, and what it answers, is still what it was.

`statistics` says whether two samples differ, `samples` counts streams, `groups` holds a reference and a window for each
app, tenant, prompt version and direction, `watch` runs them beside the streams, `reading` takes of a stream what the
detectors computed, `kept` is the file that outlives a restart.
"""
