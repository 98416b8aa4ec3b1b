-- View recent sync activity
SELECT 
    ms.id,
    mr.serial,
    ms.health,
    ms.updated_at,
    ms.import_a,
    ms.import_b
FROM meter_shadows ms
JOIN meter_registry mr ON ms.id = mr.id
WHERE ms.updated_at > NOW() - INTERVAL '1 hour'
ORDER BY ms.updated_at DESC;
