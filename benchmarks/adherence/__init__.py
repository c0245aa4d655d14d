"""Whether `task_adherence` tells calls that serve the user's request from those that do not.

Looks at the sets for the test, each of which may have taught something:

1. With weights fitted on the rows for development: .75 of the own rows, .38 of AgentDojo's, at false alarms of .094
   and .014.
2. With weights fitted anew by `--fit`, on another sample of the single requests for development: the results. Nothing
   was changed for what the test showed.

Known since, and not mended for that reason: words that people use and no list has ("kick out", "clean up"), pages that
are fetched because an order says so, bookings that an order asks for beside a request to find a place.
"""
