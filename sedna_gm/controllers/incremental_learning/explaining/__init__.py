"""Why a job does what it does, or does not: what `GET …/incrementallearningjobs/{name}/why` answers.

Everything here is a pure function of one snapshot, the records of rounds and the job's events. It asks the same
functions that the controller decides with (`sedna.api.triggers`, `samples`, `hosts`), so that it cannot say another
thing than what happens.
"""
