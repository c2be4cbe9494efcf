/** A message explained, in Arabic. */
import type { Texts } from './en.ts';

export const explain: Texts['explain'] = {
  title: 'شرح رسالة',
  interface: 'الواجهة',
  type: 'نوع الرسالة',
  id: 'الرسالة',
  received: 'تاريخ الاستلام',
  status: 'ما آلت إليه',
  statuses: {
    queued: 'بانتظار الإرسال',
    sent: 'أُرسلت',
    accepted: 'قُبلت دون رد بعد',
    received: 'بانتظار التطبيق',
    stored: 'محفوظة دون ترجمة',
    applied: 'طُبّقت',
    replayed: 'طُبّقت في محاولة لاحقة',
    rejected: 'مرفوضة',
    failed: 'تنتظر تدخل شخص',
  },
  tried: 'تجربة فقط: لم يُحفظ شيء.',
  made: 'النسخ التي أنشأتها',
  problems: 'ما الخطأ',
  place: 'الموضع',
  field: 'الحقل',
  value: 'القيمة',
  meaning: 'المعنى',
  became: 'ما أصبح عليه',
  element: 'العنصر',
  from: 'المصدر',
  fixed: 'القاعدة، لا حقل',
  deeds: {
    joins: 'تُضاف إليه هذه النتائج إن كان لدى المريض',
    moves: 'يُنقل إلى هذا المريض مع كل ما يتبعه',
    unlinks: 'لم يعد مرتبطًا',
  },
  fates: {
    unused: 'قُرئ دون أثر على أي مورد',
    ignored: 'لم يُؤخذ به',
    decides: 'يحدد كيفية ترجمة الرسالة',
    unfollowed: 'قُرئ، والرسالة أطول من أن يُتتبّع',
  },
};
