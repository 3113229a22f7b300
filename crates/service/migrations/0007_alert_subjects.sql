-- Finds the alerts that wait for their cause to go among all that were never resolved.
CREATE INDEX alerts_subject ON alerts (subject);
