"""Personal data that has a form of its own, found in a growing text: `detectors.pii.detector.Pii` is the detector.

| module | has |
| --- | --- |
| `detector` | the detector and its scan |
| `blocks` | the lexer that finds the places where personal data could be |
| `catalogue` | the labels: whose recognizer, which patterns, context words, thresholds |
| `patterns`, `guards` | patterns in place of Presidio's where those are at fault, and what a match must look like |
| `finders` | one recognizer ready to run |
| `phones` | phone numbers |
| `context` | context words |
| `presidio` | Presidio's classes without the engine around them |
"""
